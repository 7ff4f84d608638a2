internal import Compute
internal import Configuration
internal import Formats
internal import Foundation
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Transformer

/// The state of a run in a checkpoint, without tensors.
package struct CheckpointState: Codable, Sendable {
    let run: RunState
    /// Nil without held-out data.
    let evaluation: RunEvaluation.Progress?
    /// Digests of the initial model and of the data.
    let modelDigest: String
    let dataDigest: String
    let heldOutDigest: String?
    /// The starts of the run until the checkpoint; nil if it was written by a version that did not record them.
    let history: RunHistory?

    /// The state as JSON, with exact numbers, including those that are not finite.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Decodes the output of `json()`.
    ///
    /// - Throws: `JSONFault`, `DecodingError`, or `CheckpointStateFault` for impossible numbers.
    package init(json: String) throws {
        var text = json
        _ = try text.withUTF8 { try StrictJSON.value(of: UnsafeRawBufferPointer($0)) }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        self = try decoder.decode(CheckpointState.self, from: Data(json.utf8))
        try checkRanges()
    }

    /// The model and the data of the run.
    var identity: RunIdentity {
        RunIdentity(modelDigest: modelDigest, dataDigest: dataDigest, heldOutDigest: heldOutDigest)
    }

    /// The state of a run.
    init(run: RunState, evaluation: RunEvaluation.Progress?, identity: RunIdentity, history: RunHistory?) {
        (self.run, self.evaluation, self.history) = (run, evaluation, history)
        (modelDigest, dataDigest) = (identity.modelDigest, identity.dataDigest)
        heldOutDigest = identity.heldOutDigest
    }
}

/// A complete checkpoint on disk: a model directory, with everything that a run needs to resume.
struct Checkpoint {
    static let stateName = "espalier-state.json"
    private static let settingsName = "espalier.yaml"
    private static let metricsName = "metrics.jsonl"
    static let momentsName = "optimizer.safetensors"
    static let bestName = "best.safetensors"
    /// The directory of the best model's weights, if they are shards.
    private static let bestShards = "best"

    let path: FilePath
    let state: CheckpointState
    /// The file, or the directory of shards, with the weights of the best evaluation, if they are kept until the end.
    let best: FilePath?

    /// Opens a checkpoint, and verifies every file against the manifest.
    ///
    /// - Throws: `FormatError` for the first fault.
    static func verify(_ path: FilePath) throws -> Checkpoint {
        let names = try DirectoryManifest(verifying: path).names
        let hasBestShards = names.contains("\(bestShards)/\(WeightFiles.index)")
        let weights = try weightNames(path, names)
        let best = try hasBestShards ? weightNames(path.appending(bestShards), names, prefix: "\(bestShards)/") : []
        for name in [stateName, settingsName, metricsName, momentsName] + weights + best where !names.contains(name) {
            throw FormatError(
                path.appending(DirectoryManifest.fileName),
                "expected \(name) among the files of a checkpoint"
            )
        }
        let state = try state(in: path)
        let metrics = path.appending(metricsName)
        try MappedFile(metrics).withBytes { try MetricsLines.check($0, lastStep: state.run.step, of: metrics) }
        let place = hasBestShards ? bestShards : names.contains(bestName) ? bestName : nil
        return Checkpoint(path: path, state: state, best: place.map { path.appending($0) })
    }

    /// The files that the weights in a directory are read from, which must be among those of the manifest.
    private static func weightNames(_ path: FilePath, _ names: [String], prefix: String = "") throws -> [String] {
        let hasIndex = names.contains(prefix + WeightFiles.index)
        let hasSingle = [WeightFiles.single, WeightFiles.adapter].contains { name in
            FileManager.default.fileExists(atPath: path.appending(name).string)
        }
        return try hasIndex || hasSingle ? WeightFiles.names(in: path).map { prefix + $0 } : [WeightFiles.single]
    }

    /// Reads the state of a checkpoint, whose other files may be damaged.
    ///
    /// - Throws: `FormatError` if it is missing or damaged.
    static func state(in path: FilePath) throws -> CheckpointState {
        let file = path.appending(stateName)
        let json = try MappedFile(file).withBytes { String(decoding: $0, as: UTF8.self) }
        do {
            return try CheckpointState(json: json)
        } catch let fault as CheckpointStateFault {
            throw FormatError(file, "\(fault)")
        } catch {
            throw FormatError(
                file,
                "expected the state of a run, found that of another version of espalier, or none; "
                    + "resume with the version that wrote it, or start a new run from its weights with "
                    + "\(WeightFiles.option(naming: path)) \(path)"
            )
        }
    }

    /// The lines of metrics up to the checkpoint.
    func metrics() throws -> Data { try MappedFile(path.appending(Self.metricsName)).withBytes { Data($0) } }

    /// The settings of its run.
    func settings() throws -> TrainingConfiguration {
        let file = path.appending(Self.settingsName)
        do {
            return try TrainingConfiguration(yaml: file)
        } catch let error as FormatError where !error.isTransient {
            throw FormatError(
                file,
                "\(error.message), in settings of another version of espalier; resume with the version that wrote them, "
                    + "or start a new run from its weights with \(WeightFiles.option(naming: path)) \(path)"
            )
        }
    }

    /// Reads the weights.
    func readWeights(into flat: Matrix, _ layout: ParameterLayout) throws {
        guard try WeightFiles.names(in: path) == [WeightFiles.adapter] else {
            return try layout.read(into: flat, from: ModelWeights(directory: path, .checkpoint))
        }
        let file = path.appending(WeightFiles.adapter)
        try layout.read(into: flat, from: SafetensorsFile(file, .checkpoint))
        try layout.requireFinite(flat, atLeast: -.infinity, from: file, prefix: "")
    }

    /// Reads the first or second moments, selected by their prefix.
    func readMoments(_ prefix: String, into flat: Matrix, _ layout: ParameterLayout) throws {
        let file = path.appending(Self.momentsName)
        try layout.read(into: flat, from: SafetensorsFile(file, .checkpoint), prefix: prefix)
        // A negative second moment would turn weights into NaN, after the step's own check.
        try layout.requireFinite(flat, atLeast: prefix == "second." ? 0 : -.infinity, from: file, prefix: prefix)
    }

    /// The content of a new checkpoint.
    struct Content {
        let state: CheckpointState
        /// The settings as `espalier.yaml` has them.
        let settings: String
        let metrics: MetricsLog.Lines
        /// The weights, under their names in a model file.
        let weights: [SafetensorsEntry]
        /// The moments of each weight, under its name with the prefix `first.` or `second.`.
        let moments: [SafetensorsEntry]
        /// A name of the best model's weights that the checkpoint may take: a file, or a directory of shards.
        let best: FilePath?

        /// Writes the files into an empty directory; `output` provides configuration and tokenizer.
        func write(to directory: FilePath, output: ModelDirectory) throws {
            try AtomicFile.write(to: directory.appending(Checkpoint.stateName)) { try $0.append(state.json()) }
            try AtomicFile.write(to: directory.appending(Checkpoint.settingsName)) { try $0.append(settings) }
            try metrics.write(to: directory.appending(Checkpoint.metricsName))
            try SafetensorsWriter.write(moments, to: directory.appending(Checkpoint.momentsName))
            if let best {
                let isFile = try best.stat().type == .regular
                let place = directory.appending(isFile ? Checkpoint.bestName : Checkpoint.bestShards)
                try FileManager.default.moveItem(atPath: best.string, toPath: place.string)
            }
            try output.writeCheckpoint(weights, to: directory)
        }
    }
}
