internal import Compute
internal import Configuration
internal import Formats
internal import Foundation
internal import Reporting
package import SystemPackage
internal import Transformer

/// The Hugging Face model directory that a run writes, which `transformers` loads unchanged.
///
/// Once it contains a model it stays complete: a rename replaces the weights.
package struct ModelDirectory {
    static let weights = "model.safetensors"
    /// The settings of the run.
    static let settings = "espalier.yaml"

    let path: FilePath
    /// The directory that the model was read from.
    private let source: FilePath
    /// Held while the directory is written to.
    private let lock: DirectoryLock
    /// Disk space for the model, so that a disk filled by others does not waste the run.
    private let reservation: DiskReservation
    /// The size of a model in the directory, in bytes.
    private let modelBytes: Int
    /// Whether better models replace the existing one, which needs space for two.
    private let isRewritten: Bool

    /// Creates the directory if it does not exist, and checks that it is writable, used by no other run, large enough
    /// for the model, and free of other models.
    ///
    /// - Parameters:
    ///   - source: The model directory that `policy` was read from, whose other files are copied.
    ///   - isRewritten: Whether the model is written more than once.
    package static func prepare(
        _ path: FilePath,
        for policy: Policy,
        from source: FilePath,
        isRewritten: Bool = false
    ) throws -> ModelDirectory {
        guard !path.isEmpty else {
            throw TrainingError.invalid(key: "output", expected: "a directory", found: "nothing")
        }
        try path.makeDirectory()
        guard !path.isSame(as: source) else {
            throw FormatError(path, "is the model to tune, which would be lost; choose another --output")
        }
        try requireNoOtherModel(in: path)
        let lock = try DirectoryLock(path)
        if !lock.isHeld {
            printNotice("warning: \(path): locks are not supported there; make sure that no other run writes to it")
        }
        let weights = policy.layout.count * MemoryLayout<Float>.stride
        let header = 1 << 20
        let companions = try ModelCompanions(in: source)
        let modelBytes = try companions.names.reduce(weights + header) {
            try $0 + MappedFile(source.appending($1)).count
        }
        if !companions.unknown.isEmpty {
            let reason = "not known as files of a tokenizer, a processor or generation settings"
            printNotice(
                "note: \(source): not copied, \(reason): \(companions.unknown.joined(separator: ", "))".printable()
            )
        }
        return ModelDirectory(
            path: path,
            // Resolved, so that a link that changes during the run leads to no other model.
            source: source.resolved ?? source,
            lock: lock,
            reservation: try DiskReservation(byteCount: modelBytes * (isRewritten ? 2 : 1), in: path),
            modelBytes: modelBytes,
            isRewritten: isRewritten
        )
    }

    /// Refuses a directory with files that would make readers load another model than the written one.
    private static func requireNoOtherModel(in path: FilePath) throws {
        let index = path.appending("model.safetensors.index.json")
        guard !FileManager.default.fileExists(atPath: index.string) else {
            throw FormatError(
                index,
                "belongs to another model, which some readers would prefer; choose another --output"
            )
        }
        let adapter = path.appending("adapter_config.json")
        guard !FileManager.default.fileExists(atPath: adapter.string) else {
            let message = "is an adapter's, which transformers would apply to the tuned model"
            throw FormatError(adapter, "\(message); remove it, or choose another --output")
        }
        try requireOwnModel(in: path)
    }

    /// Refuses a model that no run of this program wrote: it would be lost, and files of its tokenizer would stay.
    private static func requireOwnModel(in path: FilePath) throws {
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path.appending(name).string) }
        // The settings are written before a model, also by releases without a record of the run.
        guard !RunRecord.exists(in: path), !exists(settings) else { return }
        guard let model = [weights, "config.json", "pytorch_model.bin"].first(where: exists) else { return }
        throw FormatError(
            path.appending(model),
            "belongs to a model that no run of espalier wrote; choose another --output"
        )
    }

    /// Starts the run's files: its settings, and `metrics.jsonl`.
    ///
    /// Removes the `summary.json` of an earlier run, whose model is about to change.
    ///
    /// - Parameter lines: The first lines of `metrics.jsonl`: those of the checkpoint that a run resumes from.
    func startMetrics(_ configuration: TrainingConfiguration, lines: Data = Data()) throws -> MetricsLog {
        try? FileManager.default.removeItem(atPath: file("summary.json").string)
        try AtomicFile.write(to: file(Self.settings)) { try $0.append(configuration.yaml()) }
        return try MetricsLog.create(at: file("metrics.jsonl"), lines: lines)
    }

    /// The path of a file in the directory.
    func file(_ name: String) -> FilePath { path.appending(name) }

    /// Writes the policy's weights, its configuration and its tokenizer.
    package func write(_ policy: Policy) throws {
        try withReleasedSpace { try write(policy.layout.entries(of: policy.flat), to: path) }
    }

    /// Releases the reserved space while a model is written, and reserves it again if another may follow.
    private func withReleasedSpace(_ body: () throws -> Void) throws {
        reservation.release()
        try body()
        // If others have taken the space, the written model still exists.
        if isRewritten { try? reservation.hold(modelBytes) }
    }

    /// Writes a model with these weights to a directory, with the configuration and tokenizer of this one.
    func write(_ weights: [SafetensorsEntry], to directory: FilePath) throws {
        try writeCompanions(to: directory)
        // Last, so that a directory with weights is complete.
        try SafetensorsWriter.write(weights, metadata: ["format": "pt"], to: directory.appending(Self.weights))
    }

    /// Gives the weights in the directory a second name, which they keep when others replace them.
    func keepWeights(as name: String) throws -> FilePath {
        let (weights, kept) = (file(Self.weights).string, file(name).string)
        try? FileManager.default.removeItem(atPath: kept)
        do {
            try FileManager.default.linkItem(atPath: weights, toPath: kept)
        } catch {
            // Some file systems do not support hard links.
            try FileManager.default.copyItem(atPath: weights, toPath: kept)
        }
        return file(name)
    }

    /// Replaces the weights in the directory by those of a file.
    func restore(weights: FilePath) throws {
        try withReleasedSpace {
            try writeCompanions(to: path)
            try copy(weights, to: file(Self.weights))
        }
    }

    private func writeCompanions(to directory: FilePath) throws {
        for name in try ModelCompanions(in: source).names {
            let place = directory.appending(name)
            let folder = place.removingLastComponent()
            if folder != directory { try folder.makeDirectory() }
            try copy(source.appending(name), to: place)
        }
        try writeConfiguration(to: directory.appending("config.json"))
    }

    private func copy(_ file: FilePath, to place: FilePath) throws {
        try MappedFile(file).withBytes { bytes in
            try AtomicFile.write(to: place) { try $0.append(bytes) }
        }
    }

    /// The original configuration, with the type of the stored weights.
    private func writeConfiguration(to place: FilePath) throws {
        var object = try StrictJSON.object(in: source.appending("config.json"))
        // The key of transformers 4 where the source has it, else that of 5: readers of the source read the result.
        let key = object["dtype"] == nil && object["torch_dtype"] != nil ? "torch_dtype" : "dtype"
        object["torch_dtype"] = nil
        object[key] = .string("float32")
        try AtomicFile.write(to: place) { try $0.append(JSONValue.object(object).page() + "\n") }
    }
}

extension ModelDirectory {
    /// Prepares the output directory of `configuration` for its model.
    static func prepare(_ configuration: TrainingConfiguration, for policy: Policy) throws -> ModelDirectory {
        try prepare(
            FilePath(configuration.output),
            for: policy,
            from: FilePath(configuration.model),
            isRewritten: configuration.evaluation.loadBestModelAtEnd
        )
    }
}
