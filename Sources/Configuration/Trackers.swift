internal import Formats

/// The programs that show metrics, by Hugging Face's names of them: `report_to`.
package enum Trackers {
    /// The one that a run writes files for.
    package static let tensorBoard = "tensorboard"
    /// Names no tracker.
    static let none = "none"

    /// The names of a list, or a single one, without `none` alone; nil if the key is absent.
    static func names<Key>(in values: KeyedDecodingContainer<Key>, _ key: Key) throws -> [String]? {
        let single = try? values.decodeIfPresent(String.self, forKey: key)
        let names = try single.map { [$0] } ?? values.decodeIfPresent([String].self, forKey: key)
        return names.map(withoutNone)
    }

    /// Names that are separate arguments, or separated by commas, without `none` alone.
    package static func names(separated arguments: [String]) -> [String] {
        withoutNone(arguments.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) })
    }

    private static func withoutNone(_ names: [String]) -> [String] { names == [none] ? [] : names }

    /// Checks that only trackers are named that a run writes files for.
    ///
    /// - Throws: `TrainingError` with the way to import metrics into another one.
    static func check(_ names: [String]) throws {
        guard let other = names.first(where: { $0 != tensorBoard }) else { return }
        let key = TrainingConfiguration.CodingKeys.reportTo.rawValue
        let remedy = ForeignSettings.remedy(for: other, of: key, in: .file).map { "; \($0)" } ?? ""
        throw TrainingError.invalid(
            key: key,
            expected: "\(tensorBoard) or \(none)",
            found: other.isEmpty ? "nothing" : "\(other)\(remedy)"
        )
    }
}
