internal import Formats
internal import Foundation
internal import Reporting
package import SystemPackage

extension RecordedRun {
    /// The files of a run that a report reads.
    package static let fileNames = [metricsName, settingsName, summaryName]
    private static let (metricsName, settingsName, summaryName) = ("metrics.jsonl", "espalier.yaml", "summary.json")
    private static let remedy = "give the output directory of espalier train, or a metrics.jsonl"

    /// Reads a run that has finished, was stopped, or is in progress.
    ///
    /// - Parameter path: Its output directory, a checkpoint, or its `metrics.jsonl`.
    /// - Throws: `FormatError` if there are no metrics, or a line other than a cut last one is invalid.
    package init(_ path: FilePath) throws {
        let metrics = try Self.metrics(at: path)
        let directory = metrics.removingLastComponent()
        let home = directory.isEmpty ? FilePath(".") : directory
        name = Self.names(of: [home]).first ?? ""
        try read(metrics)
        if metrics.lastComponent?.string == Self.metricsName { readSettings(home) }
    }

    /// The file with the metrics.
    private static func metrics(at path: FilePath) throws -> FilePath {
        switch (try? path.stat())?.type {
        case .regular: return path
        case .directory: break
        case let type:
            let found = type == nil ? "nothing" : "no regular file"
            throw FormatError(path, "expected a directory with \(metricsName), found \(found); \(remedy)")
        }
        let file = path.appending(metricsName)
        guard !FileManager.default.fileExists(atPath: file.string) else { return file }
        let names = try FileManager.default.contentsOfDirectory(atPath: path.string).sorted()
        let listed = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " …" : "")
        throw FormatError(path, "expected \(metricsName), found \(names.isEmpty ? "nothing" : listed); \(remedy)")
    }

    private mutating func read(_ file: FilePath) throws {
        let cut = try MappedFile(file).withBytes { bytes in
            try MetricsLines.read(bytes, of: file) { add($1, step: $0) }
        }
        isCut = cut != nil
    }

    private mutating func add(_ record: [String: JSONValue], step: Int) {
        let isEvaluation = record.keys.contains { $0.hasPrefix("eval_") }
        if let from = record["rollback_from_step"]?.wholeNumber {
            rollbacks.append(Rollback(step: step, from: from, loss: record["rollback_loss"]?.double ?? .nan))
        } else if isEvaluation {
            evaluations.append(Metric.ofEvaluations, of: record, prefix: "eval_", step: step)
        } else {
            steps.append(Metric.ofSteps, of: record, step: step)
        }
    }

    /// Reads the other files, which are optional: their faults are remarks.
    private mutating func readSettings(_ directory: FilePath) {
        func read<Value>(_ name: String, _ body: (FilePath) throws -> Value) -> Value? {
            let file = directory.appending(name)
            guard FileManager.default.fileExists(atPath: file.string) else { return nil }
            do {
                return try body(file)
            } catch {
                faults.append("\(error)")
                return nil
            }
        }
        settings = read(Self.settingsName) { try StrictYAML.texts(from: $0) } ?? []
        summary = read(Self.summaryName) { try StrictJSON.members(in: $0) }
    }

    // MARK: Names

    /// Reads several runs, whose names differ.
    package static func read(_ paths: [FilePath]) throws -> [RecordedRun] {
        var runs = try paths.map { try RecordedRun($0) }
        let homes = paths.map { path in
            path.lastComponent?.string == metricsName ? path.removingLastComponent() : path
        }
        for (index, name) in names(of: homes).enumerated() { runs[index].name = name }
        return runs
    }

    /// The shortest ends of these paths that differ from one another.
    static func names(of paths: [FilePath]) -> [String] {
        let parts = paths.map { path in
            let absolute = URL(fileURLWithPath: path.isEmpty ? "." : path.string).standardizedFileURL.pathComponents
            return absolute.filter { $0 != "/" }
        }
        func ends(_ count: Int) -> [String] {
            parts.map { $0.suffix(count).joined(separator: "/").printable(limit: 120) }
        }
        let longest = parts.map(\.count).max() ?? 1
        let count = (1...max(1, longest)).first { Set(ends($0)).count == paths.count } ?? 1
        return ends(count).enumerated().map { index, name in
            let earlier = ends(count).prefix(index).count { $0 == name }
            return (name.isEmpty ? "/" : name) + (earlier > 0 ? " (\(earlier + 1))" : "")
        }
    }
}
