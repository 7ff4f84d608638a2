internal import Formats
internal import Foundation
internal import SystemPackage

/// The evaluation of a written model, as a line of `metrics.jsonl` states it.
struct CardEvaluation {
    /// The step after which the model was evaluated.
    let step: Int
    /// The metrics with the prefix `eval_`, and other numbers of the line.
    private let numbers: [String: Double]

    /// A metric by its name without prefix; nil if it is missing or not finite.
    subscript(name: String) -> Double? { numbers["eval_\(name)"] }

    /// The last evaluation after `step` in a file; nil if there is none.
    ///
    /// Of the file, since a resumed run knows only its own evaluations.
    init?(step: Int, in metrics: FilePath) {
        guard let file = try? MappedFile(metrics) else { return nil }
        let found = file.withBytes { bytes in
            bytes.split(separator: UInt8(ascii: "\n")).reversed().lazy
                .compactMap { Self.numbers(UnsafeRawBufferPointer(rebasing: $0)) }
                .first { $0["step"] == Double(step) && $0["eval_loss"] != nil }
        }
        guard let found else { return nil }
        (self.step, numbers) = (step, found)
    }

    private static func numbers(_ line: UnsafeRawBufferPointer) -> [String: Double]? {
        guard let object = (try? StrictJSON.value(of: line))?.object else { return nil }
        return object.compactMapValues { $0.double.flatMap { $0.isFinite ? $0 : nil } }
    }
}
