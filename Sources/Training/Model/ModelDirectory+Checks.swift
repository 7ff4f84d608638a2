internal import Formats
internal import Foundation
internal import SystemPackage
internal import Transformer

extension ModelDirectory {
    /// Refuses a directory with files that would make readers load another model than the written one, or with a model that
    /// would be lost.
    static func requireNoOtherModel(than weights: OutputWeights, in path: FilePath) throws {
        let index = path.appending(WeightFiles.index)
        // The index of a run's own model is replaced.
        guard isOwn(path) || !FileManager.default.fileExists(atPath: index.string) else {
            throw FormatError(
                index,
                "belongs to another model, which some readers would prefer; choose another --output"
            )
        }
        // The other kind of output: transformers would apply the adapter to the model.
        let other = path.appending(weights.isAdapter ? "config.json" : AdapterNames.configurationFile)
        guard !FileManager.default.fileExists(atPath: other.string) else {
            let kind = weights.isAdapter ? "a model's, which is not an adapter" : "an adapter's"
            let message = "is \(kind), and transformers would apply one to the other"
            throw FormatError(other, "\(message); remove it, or choose another --output")
        }
        try requireOwnModel(weights, in: path)
    }

    /// Refuses a model that no run of this program wrote: it would be lost, and files of its tokenizer would stay.
    private static func requireOwnModel(_ weights: OutputWeights, in path: FilePath) throws {
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path.appending(name).string) }
        let names =
            [
                WeightFiles.single, "config.json", "pytorch_model.bin", WeightFiles.adapter,
                AdapterNames.configurationFile,
            ]
            + weights.fileNames
        guard !isOwn(path), let model = names.first(where: exists) else { return }
        throw FormatError(
            path.appending(model),
            "belongs to a model that no run of espalier wrote; choose another --output"
        )
    }

    /// Whether a run of this program has written to the directory.
    private static func isOwn(_ path: FilePath) -> Bool {
        // The settings are written before a model, also by releases without a record of the run.
        RunRecord.exists(in: path) || FileManager.default.fileExists(atPath: path.appending(settings).string)
    }
}
