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
        guard !isOwn(path), let model = model(in: path, weights.fileNames) else { return }
        throw FormatError(model, "belongs to a model that no run of espalier wrote; choose another --output")
    }

    /// Refuses a directory with any model, or with a run, whose record would speak of another model.
    static func requireNoModel(in path: FilePath) throws {
        let run = isOwn(path) ? path.appending(settings) : nil
        guard let found = model(in: path, WeightFiles.possibleNames(in: path)) ?? run else { return }
        throw FormatError(found, "exists already, and would be lost; choose another --output, or remove the directory")
    }

    /// A file of a model or an adapter in a directory; nil if there is none.
    private static func model(in path: FilePath, _ others: [String]) -> FilePath? {
        let names =
            [
                WeightFiles.single, "config.json", "pytorch_model.bin", WeightFiles.adapter,
                AdapterNames.configurationFile,
            ] + others
        return names.map { path.appending($0) }.first { FileManager.default.fileExists(atPath: $0.string) }
    }

    /// Whether a run of this program has written to the directory.
    private static func isOwn(_ path: FilePath) -> Bool {
        // The settings are written before a model, also by releases without a record of the run.
        RunRecord.exists(in: path) || FileManager.default.fileExists(atPath: path.appending(settings).string)
    }
}
