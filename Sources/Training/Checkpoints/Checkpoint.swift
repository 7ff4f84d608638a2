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

    /// The state of a run.
    init(run: RunState, evaluation: RunEvaluation.Progress?, identity: RunIdentity, history: RunHistory?) {
        (self.run, self.evaluation, self.history) = (run, evaluation, history)
        (modelDigest, dataDigest) = (identity.modelDigest, identity.dataDigest)
        heldOutDigest = identity.heldOutDigest
    }
}

/// Identifies the model and data of a run, which refuses checkpoints of others.
struct RunIdentity {
    let modelDigest: String
    let dataDigest: String
    let heldOutDigest: String?

    /// The identity of a run with these inputs.
    init(_ inputs: Inputs) {
        (modelDigest, dataDigest) = (inputs.policy.digest, inputs.dataset.digest)
        heldOutDigest = inputs.heldOut?.dataset.digest
    }

    /// What differs in a checkpoint of another run; nil if nothing does.
    func difference(from state: CheckpointState) -> String? {
        let model = ModelDigest.difference(of: state.modelDigest, from: modelDigest, otherModel: "another --model")
        if let model { return model }
        if state.dataDigest != dataDigest { return "other --data" }
        return state.heldOutDigest == heldOutDigest ? nil : "other --eval-data"
    }
}

/// A complete checkpoint on disk: a model directory, with everything that a run needs to resume.
struct Checkpoint {
    static let stateName = "espalier-state.json"
    private static let settingsName = "espalier.yaml"
    private static let metricsName = "metrics.jsonl"
    private static let momentsName = "optimizer.safetensors"
    private static let bestName = "best.safetensors"

    let path: FilePath
    let state: CheckpointState
    /// The weights of the best evaluation, if they are kept until the end.
    let best: FilePath?

    /// Opens a checkpoint, and verifies every file against the manifest.
    ///
    /// - Throws: `FormatError` for the first fault.
    static func verify(_ path: FilePath) throws -> Checkpoint {
        let names = try DirectoryManifest(verifying: path).names
        for name in [stateName, settingsName, metricsName, momentsName, ModelDirectory.weights]
        where !names.contains(name) {
            throw FormatError(
                path.appending(DirectoryManifest.fileName),
                "expected \(name) among the files of a checkpoint"
            )
        }
        let state = try state(in: path)
        let metrics = path.appending(metricsName)
        try MappedFile(metrics).withBytes { try MetricsLines.check($0, lastStep: state.run.step, of: metrics) }
        let best = names.contains(bestName) ? path.appending(bestName) : nil
        return Checkpoint(path: path, state: state, best: best)
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
                "expected the state of a run, found that of another version of the program, or none"
            )
        }
    }

    /// The lines of metrics up to the checkpoint.
    func metrics() throws -> Data { try MappedFile(path.appending(Self.metricsName)).withBytes { Data($0) } }

    /// The settings of its run.
    func settings() throws -> TrainingConfiguration {
        try TrainingConfiguration(yaml: path.appending(Self.settingsName))
    }

    /// Reads the weights.
    func readWeights(into flat: Matrix, _ layout: ParameterLayout) throws {
        let file = path.appending(ModelDirectory.weights)
        try layout.read(into: flat, from: SafetensorsFile(file, .checkpoint))
        try layout.requireFinite(flat, atLeast: -.infinity, from: file)
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
        /// A name of the best model's weights that the checkpoint may take.
        let best: FilePath?

        /// Writes the files into an empty directory; `output` provides configuration and tokenizer.
        func write(to directory: FilePath, output: ModelDirectory) throws {
            try AtomicFile.write(to: directory.appending(Checkpoint.stateName)) { try $0.append(state.json()) }
            try AtomicFile.write(to: directory.appending(Checkpoint.settingsName)) { try $0.append(settings) }
            try metrics.write(to: directory.appending(Checkpoint.metricsName))
            try SafetensorsWriter.write(moments, to: directory.appending(Checkpoint.momentsName))
            if let best {
                let place = directory.appending(Checkpoint.bestName)
                try FileManager.default.moveItem(atPath: best.string, toPath: place.string)
            }
            try output.write(weights, to: directory)
        }
    }
}
