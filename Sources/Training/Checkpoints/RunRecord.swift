internal import Formats
internal import Foundation
internal import SystemPackage

/// The content of `espalier-run.json` in an output directory: the starts of its run, and its end.
struct RunRecord: Codable, Sendable, Equatable {
    private static let fileName = "espalier-run.json"

    let history: RunHistory
    /// Nil until the run has finished.
    let completion: RunCompletion?

    private enum CodingKeys: String, CodingKey {
        case completion = "finished"
    }

    init(history: RunHistory, completion: RunCompletion? = nil) {
        (self.history, self.completion) = (history, completion)
    }

    init(from decoder: any Decoder) throws {
        history = try RunHistory(from: decoder)
        completion = try decoder.container(keyedBy: CodingKeys.self)
            .decodeIfPresent(RunCompletion.self, forKey: .completion)
    }

    func encode(to encoder: any Encoder) throws {
        try history.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(completion, forKey: .completion)
    }

    // MARK: File

    /// Reads the record of a directory's run; nil if there is none.
    ///
    /// - Throws: `FormatError` if the file is damaged.
    static func read(from directory: FilePath) throws -> RunRecord? {
        let path = directory.appending(fileName)
        guard FileManager.default.fileExists(atPath: path.string) else { return nil }
        let record = try MappedFile(path).withBytes { bytes -> RunRecord? in
            guard (try? StrictJSON.value(of: bytes)) != nil else { return nil }
            return try? JSONDecoder().decode(RunRecord.self, from: Data(bytes))
        }
        guard let record else {
            throw FormatError(
                path,
                "expected the identity of a run, found other content; remove it to resume from the newest checkpoint "
                    + "there, or select one with --resume DIR"
            )
        }
        return record
    }

    /// Records this in a directory.
    func write(to directory: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let json = String(decoding: try encoder.encode(self), as: UTF8.self)
        try AtomicFile.write(to: directory.appending(Self.fileName)) { try $0.append(json + "\n") }
    }

    /// Whether a directory has a record, valid or not.
    static func exists(in directory: FilePath) -> Bool {
        FileManager.default.fileExists(atPath: directory.appending(fileName).string)
    }
}

/// The end of a run, and what it was computed with.
struct RunCompletion: Codable, Sendable, Equatable {
    /// Steps taken; fewer than `totalSteps` after early stopping.
    let lastStep: Int
    let totalSteps: Int
    /// The size of the model's weights, in bytes.
    private let modelBytes: Int
    /// The size of each weight file; nil for `model.safetensors` alone.
    private let shards: [String: Int]?
    let identity: RunIdentity

    private enum CodingKeys: String, CodingKey {
        case identity
        case lastStep = "last_step"
        case totalSteps = "total_steps"
        case modelBytes = "model_bytes"
        case shards = "model_files"
    }

    /// - Parameter modelFiles: The names of the weight files, with their sizes in bytes.
    init(lastStep: Int, totalSteps: Int, modelFiles: [String: Int], identity: RunIdentity) {
        (self.lastStep, self.totalSteps, self.identity) = (lastStep, totalSteps, identity)
        modelBytes = modelFiles.values.reduce(0, +)
        shards = Set(modelFiles.keys) == [WeightFiles.single] ? nil : modelFiles
    }

    /// The names of the weight files, with their sizes in bytes.
    var modelFiles: [String: Int] { shards ?? [WeightFiles.single: modelBytes] }
}
