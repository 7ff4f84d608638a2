internal import Compute
internal import Foundation
internal import Formats
package import SystemPackage
internal import Transformer

/// The Hugging Face model directory that a run writes, which `transformers` loads as it is.
///
/// Once there is a model it stays complete: another replaces its weights in one move.
package struct ModelDirectory {
    static let weights = "model.safetensors"

    let path: FilePath
    /// Where the model was read from.
    private let source: FilePath
    /// Held as long as the directory is written to.
    private let lock: DirectoryLock
    /// Room for the model, so that hours of work do not end at a disk that others have filled meanwhile.
    private let reservation: DiskReservation
    /// What a model takes there, in bytes.
    private let modelBytes: Int
    /// Whether better models replace the one that is there, for which two need room.
    private let isRewritten: Bool

    /// Makes sure that the directory is there, can be written to, by no other run, has room for the model, and holds no
    /// other.
    ///
    /// - Parameters:
    ///   - source: The model directory that `policy` was read from, whose other files go along.
    ///   - isRewritten: Whether the model is written more than once.
    package init(
        preparing path: FilePath,
        for policy: Policy,
        from source: FilePath,
        isRewritten: Bool = false
    ) throws {
        guard !path.isEmpty else {
            throw TrainingError.invalid(key: "output", expected: "a directory", found: "nothing")
        }
        self.path = path
        self.source = source
        try path.makeDirectory()
        guard !path.isSame(as: source) else {
            throw FormatError(path, "is the model to tune, which would be lost; choose another --output")
        }
        let index = path.appending("model.safetensors.index.json")
        guard !FileManager.default.fileExists(atPath: index.string) else {
            throw FormatError(index, "belongs to another model, which readers would prefer; choose another --output")
        }
        lock = try DirectoryLock(path)
        if !lock.isHeld { tell("warning: \(path): no lock can be had there; make sure that no other run writes to it") }
        let weights = policy.layout.count * MemoryLayout<Float>.stride
        let header = 1 << 20
        modelBytes = weights + header + (try Self.companionBytes(in: source))
        self.isRewritten = isRewritten
        reservation = try DiskReservation(byteCount: modelBytes * (isRewritten ? 2 : 1), in: path)
    }

    /// Starts the run's records: its settings, and `metrics.jsonl`.
    ///
    /// `summary.json` of a run before goes, since it would tell of a model that is about to change.
    ///
    /// - Parameter lines: What `metrics.jsonl` begins with: the lines until the checkpoint that a run goes on from.
    func startMetrics(_ configuration: TrainingConfiguration, lines: Data = Data()) throws -> MetricsLog {
        try? FileManager.default.removeItem(atPath: file("summary.json").string)
        try AtomicFile.write(to: file("espalier.yaml")) { try $0.append(configuration.yaml()) }
        return try MetricsLog(file("metrics.jsonl"), lines: lines)
    }

    /// A file of the directory.
    func file(_ name: String) -> FilePath { path.appending(name) }

    /// Writes the policy's weights, its configuration and its tokenizer.
    package func write(_ policy: Policy) throws {
        try withRoom { try write(policy.layout.entries(of: policy.flat), to: path) }
    }

    /// Lends the room that is held for a model, and holds it again where another may come.
    private func withRoom(_ body: () throws -> Void) throws {
        reservation.release()
        try body()
        // Where others have taken the room meanwhile, what was written is still there.
        if isRewritten { try? reservation.hold(modelBytes) }
    }

    /// Writes a model of these weights to a directory, with the configuration and tokenizer of this one's.
    func write(_ weights: [SafetensorsEntry], to directory: FilePath) throws {
        try writeCompanions(to: directory)
        // Last, so that a directory with weights is complete.
        try SafetensorsWriter.write(weights, metadata: ["format": "pt"], to: directory.appending(Self.weights))
    }

    /// Gives the model that is there a second name, which its weights keep when others take their place.
    func keepWeights(as name: String) throws -> FilePath {
        let (weights, kept) = (file(Self.weights).string, file(name).string)
        try? FileManager.default.removeItem(atPath: kept)
        do {
            try FileManager.default.linkItem(atPath: weights, toPath: kept)
        } catch {
            // Some file systems know no second names.
            try FileManager.default.copyItem(atPath: weights, toPath: kept)
        }
        return file(name)
    }

    /// Makes the model in the directory that of these weights, from a file.
    func restore(weights: FilePath) throws {
        try withRoom {
            try writeCompanions(to: path)
            try copy(weights, to: file(Self.weights))
        }
    }

    private func writeCompanions(to directory: FilePath) throws {
        for name in try Self.companions(in: source) { try copy(source.appending(name), to: directory.appending(name)) }
        try writeConfiguration(to: directory.appending("config.json"))
    }

    /// Tokenizer, chat template, generation settings: all that lies beside the weights and is not about their files.
    private static func companions(in source: FilePath) throws -> [String] {
        let kinds = [".json", ".txt", ".model", ".jinja"]
        let own = [
            "config.json", "model.safetensors.index.json", "summary.json", "trace.json", "phases.txt",
            Checkpoint.stateName,
            RunHistory.fileName, DirectoryManifest.fileName,
        ]
        return try FileManager.default.contentsOfDirectory(atPath: source.string).sorted()
            .filter { name in kinds.contains { name.hasSuffix($0) } && !own.contains(name) }
    }

    /// What companions take; refuses one that is a link to somewhere else, since a copy would give away what lies there.
    private static func companionBytes(in source: FilePath) throws -> Int {
        try companions(in: source).reduce(0) { sum, name in
            let path = source.appending(name)
            try path.requireOwnFile(of: source)
            return try sum + MappedFile(path).count
        }
    }

    private func copy(_ file: FilePath, to place: FilePath) throws {
        try MappedFile(file).withBytes { bytes in
            try AtomicFile.write(to: place) { try $0.append(bytes) }
        }
    }

    /// The configuration as it was, with the type in which the weights are now stored.
    private func writeConfiguration(to place: FilePath) throws {
        var object = try StrictJSON.object(in: source.appending("config.json"))
        object["torch_dtype"] = nil
        object["dtype"] = .string("float32")
        try AtomicFile.write(to: place) { try $0.append(JSONValue.object(object).page() + "\n") }
    }
}

extension ModelDirectory {
    /// The place that `configuration` names, for what becomes of its model.
    init(_ configuration: TrainingConfiguration, for policy: Policy) throws {
        try self.init(
            preparing: FilePath(configuration.output),
            for: policy,
            from: FilePath(configuration.model),
            isRewritten: configuration.evaluation.loadBestModelAtEnd
        )
    }
}
