internal import Compute
internal import Configuration
package import Formats
internal import Foundation
internal import Reporting
package import SystemPackage
package import Transformer

/// The Hugging Face model directory that a run writes, which whatever loads the source loads.
///
/// It has the source's weight files, tensor names and form of `config.json`; of an adapter, the files that PEFT writes. Once it contains a model it stays complete; see
/// `WeightFiles.replace`.
package struct ModelDirectory {
    /// The settings of the run.
    static let settings = "espalier.yaml"
    /// The page with the curves of the run.
    static let report = "report.html"

    let path: FilePath
    /// The directory that the model was read from.
    private let source: FilePath
    /// How the weights are written.
    private let weights: OutputWeights
    /// The name of the configuration: `config.json`, or `adapter_config.json`.
    private let configurationName: String
    /// The configuration of the output.
    private let configuration: [UInt8]
    /// The configuration of checkpoints, whose trained tensors are float32.
    private let checkpointConfiguration: [UInt8]
    /// The names of the other files that are copied.
    private let companions: [String]
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
    /// If nothing is written to a directory that did not exist, it is removed at the end.
    ///
    /// - Parameters:
    ///   - description: The model that is written, or whose adapter is.
    ///   - adapter: The adapter that is written in place of the model.
    ///   - source: The model directory that it was read from, whose other files are copied.
    ///   - type: The type of the output's trained tensors; nil for that of each tensor in the source.
    ///   - startType: The type that the trained tensors were rounded to before training; nil if they were not.
    ///   - isRewritten: Whether the model is written more than once.
    package static func prepare(
        _ path: FilePath,
        for description: ModelDescription,
        adapter: PolicyAdapter?,
        from source: FilePath,
        type: ElementType? = nil,
        startType: ElementType? = nil,
        isRewritten: Bool = false
    ) throws -> ModelDirectory {
        guard !path.isEmpty else {
            throw TrainingError.invalid(key: "output", expected: "a directory", found: "nothing")
        }
        guard !path.isSame(as: source) else {
            throw FormatError(path, "is the model to tune, which would be lost; choose another --output")
        }
        let weights =
            try adapter.map { OutputWeights($0, of: description, type: type ?? .float32) }
            ?? OutputWeights(source: source, parameters: description.parameters, type: type, startType: startType)
        try requireNoOtherModel(than: weights, in: path)
        let lock = try DirectoryLock(path)
        if !lock.isHeld {
            printNotice("warning: \(path): locks are not supported there; make sure that no other run writes to it")
        }
        let companions = try ModelCompanions(in: source)
        let modelBytes = try companions.names.reduce(weights.byteCount) {
            try $0 + MappedFile(source.appending($1)).count
        }
        if !companions.unknown.isEmpty {
            let reason = "not known as files of a tokenizer, a processor or generation settings"
            printNotice(
                "note: \(source): not copied, \(reason): \(companions.unknown.joined(separator: ", "))".printable()
            )
        }
        let text = try ConfigurationText(directory: source)
        let adapted = try adapter.map { Array(try $0.configuration.json(for: description).utf8) }
        return ModelDirectory(
            path: path,
            // Resolved, so that a link that changes during the run leads to no other model.
            source: source.resolved ?? source,
            weights: weights,
            configurationName: adapter.map(\.fileName) ?? "config.json",
            configuration: try adapted ?? weights.type.map { try text.text(of: $0) } ?? text.bytes,
            checkpointConfiguration: try adapted ?? text.text(of: .float32),
            companions: companions.names,
            lock: lock,
            reservation: try DiskReservation(byteCount: modelBytes * (isRewritten ? 2 : 1), in: path),
            modelBytes: modelBytes,
            isRewritten: isRewritten
        )
    }

    /// Starts the run's files: its settings, and `metrics.jsonl`.
    ///
    /// Removes `summary.json`, `report.html` and the model card of an earlier run, whose model is about to change.
    ///
    /// - Parameters:
    ///   - lines: The first lines of `metrics.jsonl`: those of the checkpoint that a run resumes from.
    ///   - events: What receives the further lines too.
    func startMetrics(
        _ configuration: TrainingConfiguration,
        lines: Data = Data(),
        events: EventLog? = nil
    ) throws -> MetricsLog {
        for name in ["summary.json", Self.report] { try? FileManager.default.removeItem(atPath: file(name).string) }
        ModelCard.remove(from: path)
        try AtomicFile.write(to: file(Self.settings)) { try $0.append(configuration.yaml()) }
        return try MetricsLog.create(at: file("metrics.jsonl"), lines: lines, events: events)
    }

    /// The path of a file in the directory.
    func file(_ name: String) -> FilePath { path.appending(name) }

    /// Writes these float32 weights in the output's types, the configuration and the tokenizer.
    package func write(_ trained: [SafetensorsEntry]) throws {
        try withReleasedSpace {
            do {
                try writeCompanions(to: path, configuration)
                // Last, so that a directory with weights is complete.
                try weights.write(trained, to: path, isRounded: true)
            } catch let overflow as RoundingOverflow {
                // A run must not lose its model for its type.
                printNotice("warning: \(overflow); the model is written in float32".printable())
                try writeCheckpoint(trained, to: path)
            }
        }
    }

    /// Releases the reserved space while a model is written, and reserves it again if another may follow.
    private func withReleasedSpace(_ body: () throws -> Void) throws {
        reservation.release()
        try body()
        // If others have taken the space, the written model still exists.
        if isRewritten { try? reservation.hold(modelBytes) }
    }

    /// Writes a checkpoint's model with these weights to a directory, with the tokenizer of this one.
    ///
    /// The weights are float32, whatever the type of the output, so that a run resumes from the same bits.
    func writeCheckpoint(_ trained: [SafetensorsEntry], to directory: FilePath) throws {
        try writeCompanions(to: directory, checkpointConfiguration)
        try weights.write(trained, to: directory, isRounded: false)
    }

    /// Gives the weights in the directory a second name, which they keep when others replace them: that of a file, or of a
    /// directory for shards.
    func keepWeights(as name: String) throws -> FilePath {
        let (kept, names) = (file(name), try WeightFiles.names(in: path))
        try? FileManager.default.removeItem(atPath: kept.string)
        if names.count == 1 {
            try link(file(names[0]), to: kept)
        } else {
            try kept.makeDirectory()
            for name in names { try link(file(name), to: kept.appending(name)) }
            try kept.synchronizeDirectory()
        }
        return kept
    }

    private func link(_ file: FilePath, to place: FilePath) throws {
        do {
            try FileManager.default.linkItem(atPath: file.string, toPath: place.string)
        } catch {
            // Some file systems do not support hard links.
            try FileManager.default.copyItem(atPath: file.string, toPath: place.string)
        }
    }

    /// Replaces the weights in the directory by those of a file, or of a directory of shards.
    func restore(weights kept: FilePath) throws {
        try withReleasedSpace {
            try writeCompanions(to: path, configuration)
            if try kept.stat().type == .directory {
                try WeightFiles.copy(from: kept, to: path)
            } else {
                try WeightFiles.copy(file: kept, to: path, name: weights.singleName)
            }
        }
    }

    private func writeCompanions(to directory: FilePath, _ configuration: [UInt8]) throws {
        for name in companions {
            let place = directory.appending(name)
            let folder = place.removingLastComponent()
            if folder != directory { try folder.makeDirectory() }
            try copyCompanion(name, to: place)
        }
        try AtomicFile.write(to: directory.appending(configurationName)) { file in
            try configuration.withUnsafeBytes { try file.append($0) }
        }
    }

    private func copyCompanion(_ name: String, to place: FilePath) throws {
        let file = source.appending(name)
        guard let mapped = try? MappedFile(file) else {
            throw FormatError(
                file,
                "cannot be read any more, and is copied to the output; restore the model, then continue with --resume"
            )
        }
        try mapped.withBytes { bytes in
            try AtomicFile.write(to: place) { try $0.append(bytes) }
        }
    }
}

extension ModelDirectory {
    /// Prepares the output directory of `configuration` for its model.
    static func prepare(_ configuration: TrainingConfiguration, for policy: Policy) throws -> ModelDirectory {
        try prepare(
            FilePath(configuration.output),
            for: policy.description,
            adapter: policy.adapter,
            from: FilePath(configuration.model),
            type: configuration.saving.saveDType.elementType,
            startType: policy.weights.matrixType.map { ElementType($0) },
            isRewritten: configuration.evaluation.loadBestModelAtEnd
        )
    }
}

extension SaveDType {
    /// The type of tensors in files; nil for that of each tensor in the source.
    var elementType: ElementType? {
        switch self {
        case .auto: nil
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        }
    }
}
