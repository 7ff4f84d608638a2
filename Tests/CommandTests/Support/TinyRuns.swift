internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport

/// Runs of the tiny tied model on its golden data, in one output directory.
struct TinyRuns {
    let output: FilePath

    /// Trains in steps of two examples.
    func start(_ arguments: [String], ranks: Int? = nil, variables: [String: String] = [:]) throws -> Outcome {
        let golden = Golden.tied
        let words = [
            "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
            "--global-batch-size", "2", "--threads", "1", "--learning-rate", "0.01",
        ]
        return try Launch.run(
            "espalier",
            words + arguments,
            ranks: ranks ?? 1,
            solo: ranks == nil,
            variables: variables
        )
    }

    /// Trains, and requires success.
    @discardableResult
    func finish(_ arguments: [String], ranks: Int? = nil) throws -> Outcome {
        let outcome = try start(arguments, ranks: ranks)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return outcome
    }

    /// The error of a run that is refused with 64, with `OUT` for the output directory.
    func refusal(_ arguments: [String], ranks: Int? = nil) throws -> String {
        let outcome = try start(arguments, ranks: ranks)
        guard outcome.status == 64 else { throw Failure(description: "\(outcome.status): \(outcome.errors)") }
        let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
        guard lines.count == 1 else { throw Failure(description: "not one error: \(outcome.errors)") }
        return lines[0].replacingOccurrences(of: output.string, with: "OUT")
    }

    /// The notices of a run that succeeds: the lines before the progress line, with `OUT` for the output directory.
    func notices(_ arguments: [String], ranks: Int? = nil) throws -> [String] {
        try finish(arguments, ranks: ranks).errors.split(separator: "\n").map(String.init)
            .map { $0.replacingOccurrences(of: output.string, with: "OUT") }
    }

    /// The bytes and the time of the last change of each of these files, as far as they exist.
    func state(_ names: [String]) throws -> [String: [String]] {
        try names.reduce(into: [:]) { state, name in
            let path = output.appending(name).string
            guard let bytes = FileManager.default.contents(atPath: path) else { return }
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let date = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            state[name] = [try Digest.sha256(ofFile: FilePath(path)), "\(bytes.count)", "\(date)"]
        }
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: output.appending(name).string)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: output.appending(name).string) }
}

/// Removes the record that a run has finished, as if it had been killed at its very end: `--resume` continues it.
func reopen(_ output: FilePath) throws {
    let file = URL(fileURLWithPath: output.appending("espalier-run.json").string)
    var record = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
    guard record.removeValue(forKey: "finished") != nil else { throw Failure(description: "the run has not finished") }
    try JSONSerialization.data(withJSONObject: record).write(to: file)
}

/// Changes a text file of a checkpoint, and its manifest accordingly.
func rewriteCheckpoint(_ checkpoint: FilePath, _ name: String, _ change: (String) -> String) throws {
    let copy = checkpoint.removingLastComponent().appending("copy")
    try FileManager.default.moveItem(atPath: checkpoint.string, toPath: copy.string)
    try AtomicDirectory.write(to: checkpoint) { place in
        for file in try DirectoryManifest(verifying: copy).names {
            let source = copy.appending(file).string
            try FileManager.default.copyItem(atPath: source, toPath: place.appending(file).string)
        }
        let path = place.appending(name).string
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard change(text) != text else { throw Failure(description: "\(name): nothing to change in \(text)") }
        try change(text).write(toFile: path, atomically: false, encoding: .utf8)
    }
    try FileManager.default.removeItem(atPath: copy.string)
}
