internal import Foundation
package import Formats
package import SystemPackage

extension TrainingConfiguration {
    /// The files that every command on a model and preferences reads.
    package var inputFiles: CommandFiles {
        var files = CommandFiles()
        files.read(modelIn: FilePath(model), as: "--model")
        adapter.adapter.map { files.read(adapterIn: FilePath($0), as: "--adapter") }
        files.read(FilePath(data), as: "--data")
        return files
    }
}

extension CommandFiles {
    /// Adds the files that a training run writes to its output directory.
    ///
    /// - Parameter settings: The file of `--config`, which the run must not replace by its own record.
    package mutating func addOutput(of configuration: TrainingConfiguration, settings: FilePath?) throws {
        let (output, model) = (FilePath(configuration.output), FilePath(configuration.model))
        // Another check refuses a run that would write to its model.
        if output.isSame(as: model) { return }
        let record = output.appending("espalier.yaml")
        if let settings, try !Self.keeps(settings, record, configuration) { read(settings, as: "--config") }
        let weights = [model, output].flatMap(WeightFiles.possibleNames)
        let records = [
            "config.json", WeightFiles.adapterConfiguration, WeightFiles.adapter, "metrics.jsonl", "summary.json",
            "espalier.yaml", "espalier-run.json", "report.html", "phases.txt", "trace.json",
        ]
        for name in Set(weights + records).sorted() { write(output.appending(name), as: "--output") }
        write(link: output.appending("latest"), as: "--output")
        replace(checkpointsIn: output, prefix: "checkpoint-", as: "--output")
    }

    /// Whether a run may replace the settings that it was started with: a record of this program that does not change,
    /// or of the run that it resumes, in the output directory or in a checkpoint there.
    private static func keeps(
        _ settings: FilePath,
        _ record: FilePath,
        _ configuration: TrainingConfiguration
    ) throws -> Bool {
        let resumes = configuration.saving.resumeFromCheckpoint != nil
        let isOfCheckpoint =
            resumes && settings.lastComponent == record.lastComponent
            && settings.isWithin(record.removingLastComponent())
        guard settings.isSame(as: record) || isOfCheckpoint else { return false }
        let text = try String(contentsOfFile: settings.string, encoding: .utf8)
        guard try TrainingConfiguration(yaml: settings).yaml() == text else { return false }
        return try resumes || configuration.yaml() == text
    }

    /// Adds the caches of the reference model, which a command reads and writes, and their journals.
    package mutating func addReferenceCache(of configuration: TrainingConfiguration) {
        let heldOut = configuration.evaluation.evalData == nil ? nil : configuration.heldOutReferenceCache
        for cache in [configuration.referenceCache.map { FilePath($0) }, heldOut].compactMap({ $0 }) {
            write(cache, as: "--reference-cache")
            write(FilePath(cache.string + ".journal"), as: "--reference-cache")
        }
    }
}
