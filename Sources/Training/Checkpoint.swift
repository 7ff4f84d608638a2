internal import Compute
internal import Formats
internal import Foundation
internal import Preferences
internal import SystemPackage
internal import Transformer

/// What a checkpoint tells of its run, beside tensors.
package struct CheckpointState: Codable, Sendable {
    let run: RunState
    /// Nil without held-out data.
    let evaluation: RunEvaluation.Progress?
    /// Of the model that training began with, and of the data.
    let modelDigest: String
    let dataDigest: String
    let heldOutDigest: String?
    /// The start that wrote it, and those before; nil of a version that recorded none.
    let history: RunHistory?

    /// The state as JSON, every number as it is, those that are not finite too.
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

    /// Reads what `json` wrote.
    ///
    /// - Throws: `JSONFault`, `DecodingError`, or `CheckpointStateFault` for numbers that no run comes to.
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

/// What a run computes with: a checkpoint of other models or data is of no use to it.
struct RunIdentity {
    let modelDigest: String
    let dataDigest: String
    let heldOutDigest: String?

    /// Of what a run reads.
    init(_ inputs: Inputs) {
        (modelDigest, dataDigest) = (inputs.policy.digest, inputs.dataset.digest)
        heldOutDigest = inputs.heldOut?.dataset.digest
    }

    /// What of it another run has differently; nil where nothing is.
    func difference(from state: CheckpointState) -> String? {
        if state.modelDigest != modelDigest { return "another --model" }
        if state.dataDigest != dataDigest { return "other --data" }
        return state.heldOutDigest == heldOutDigest ? nil : "other --eval-data"
    }
}

/// A checkpoint on the disk, whole: a model directory, with all that a run needs to go on beside it.
struct Checkpoint {
    static let stateName = "espalier-state.json"
    private static let settingsName = "espalier.yaml"
    private static let metricsName = "metrics.jsonl"
    private static let momentsName = "optimizer.safetensors"
    private static let bestName = "best.safetensors"

    let path: FilePath
    let state: CheckpointState
    /// The weights of the best evaluation, where they are to remain at the end.
    let best: FilePath?

    /// Opens a checkpoint, and holds every file to the manifest.
    ///
    /// - Throws: `FormatError` for the first fault.
    init(verifying path: FilePath) throws {
        let names = try DirectoryManifest(verifying: path).names
        for name in [Self.stateName, Self.settingsName, Self.metricsName, Self.momentsName, ModelDirectory.weights]
        where !names.contains(name) {
            throw FormatError(
                path.appending(DirectoryManifest.fileName),
                "expected \(name) among the files of a checkpoint"
            )
        }
        self.path = path
        state = try Self.state(in: path)
        best = names.contains(Self.bestName) ? path.appending(Self.bestName) : nil
        let metrics = path.appending(Self.metricsName)
        try MappedFile(metrics).withBytes { try MetricsLines.check($0, lastStep: state.run.step, of: metrics) }
    }

    /// Reads the state of a checkpoint, whether or not its other files are whole.
    ///
    /// - Throws: `FormatError` where it is missing or damaged.
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

    /// The lines of metrics until then.
    func metrics() throws -> Data { try MappedFile(path.appending(Self.metricsName)).withBytes { Data($0) } }

    /// The settings of its run.
    func settings() throws -> TrainingConfiguration {
        try TrainingConfiguration(yaml: path.appending(Self.settingsName))
    }

    /// Reads the weights.
    func readWeights(into flat: Matrix, _ layout: ParameterLayout) throws {
        let file = path.appending(ModelDirectory.weights)
        try layout.read(into: flat, from: SafetensorsFile(file))
        try layout.requireFinite(flat, atLeast: -.infinity, from: file)
    }

    /// Reads the first or the second moments, by their prefix.
    func readMoments(_ prefix: String, into flat: Matrix, _ layout: ParameterLayout) throws {
        let file = path.appending(Self.momentsName)
        try layout.read(into: flat, from: SafetensorsFile(file), prefix: prefix)
        // A negative second moment would give NaN in place of weights, after the step's own check.
        try layout.requireFinite(flat, atLeast: prefix == "second." ? 0 : -.infinity, from: file, prefix: prefix)
    }

    /// What a checkpoint is made of, as a run is after one step.
    struct Content {
        let state: CheckpointState
        /// As `espalier.yaml` has them.
        let settings: String
        let metrics: MetricsLog.Lines
        /// The weights by their names, as a model has them.
        let weights: [SafetensorsEntry]
        /// The moments of each weight, with `first.` and `second.` before its name.
        let moments: [SafetensorsEntry]
        /// A name of the best model's weights that the checkpoint may take.
        let best: FilePath?

        /// Writes the files into an empty directory; `output` gives configuration and tokenizer.
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
