internal import Collectives
internal import Configuration
internal import Formats
internal import Foundation
internal import Reporting
internal import SystemPackage
internal import Transformer

/// A run of an output directory that has taken its last step.
struct FinishedRun {
    /// The files that a finished run has written in addition to its record and the weights.
    private static let files = ["metrics.jsonl", "summary.json", ModelDirectory.settings]

    private let directory: FilePath
    private let completion: RunCompletion

    /// The finished run of a directory; nil if its run has not finished, or there is none.
    init?(in directory: FilePath) throws {
        guard let completion = try RunRecord.read(from: directory)?.completion else { return nil }
        (self.directory, self.completion) = (directory, completion)
    }

    /// Whether the run that `configuration` resumes has finished and nothing is to be done, which is reported.
    ///
    /// A finished run without one of its files is reported too; its last steps are then repeated. Collective.
    ///
    /// - Throws: `RankFailure` on every rank if the finished run has another number of steps.
    static func isFound(
        _ configuration: TrainingConfiguration,
        store: CheckpointStore?,
        identity: RunIdentity,
        communicator: any Communicator
    ) throws -> Bool {
        let isFinished = try communicator.agree {
            guard let store, configuration.saving.resumeFromCheckpoint == SavingSettings.newest,
                let run = try FinishedRun(in: store.directory)
            else { return false }
            let hasCheckpoints = try !store.steps().isEmpty
            return try run.isComplete(configuration, identity, hasCheckpoints: hasCheckpoints)
        }
        return try communicator.maximum(isFinished ? 1 : 0) > 0
    }

    private func isComplete(
        _ configuration: TrainingConfiguration,
        _ identity: RunIdentity,
        hasCheckpoints: Bool
    ) throws -> Bool {
        // First: another run must not repeat the steps of this one.
        switch try refusal(configuration, identity) {
        case .otherLength(let path, let made, let asked, let isFinished):
            throw TrainingError.otherLength(path: path, made: made, asked: asked, isFinished: isFinished)
        // The checkpoint is refused too; without one, the finished run is.
        case .some: return false
        case nil: break
        }
        if let fault = try fault(source: FilePath(configuration.model)) {
            try requireComparable(hasCheckpoints: hasCheckpoints)
            let remedy = "the steps after its newest checkpoint, or all without one, are repeated to write it again"
            printNotice("warning: \(fault), although the run has finished; \(remedy)")
            return false
        }
        let (last, total) = (completion.lastStep, completion.totalSteps)
        let end = last < total ? ", by early stopping" : ""
        printNotice(
            "\(directory): the run has finished, after step \(last) of \(total)\(end); nothing is changed; "
                + "for a new run omit --resume"
        )
        return true
    }

    /// Why a run with these settings, model and data is not this one; nil if it is.
    ///
    /// Without the settings of this run, only model and data are compared.
    func refusal(_ configuration: TrainingConfiguration, _ identity: RunIdentity) throws -> TrainingError? {
        try identity.refusal(
            of: completion.identity,
            hasSettings ? TrainingConfiguration(yaml: settings) : configuration,
            for: configuration,
            at: directory,
            isFinished: true
        )
    }

    private var settings: FilePath { directory.appending(ModelDirectory.settings) }
    private var hasSettings: Bool { FileManager.default.fileExists(atPath: settings.string) }

    /// Refuses to start over without the settings to compare, which a checkpoint has too.
    private func requireComparable(hasCheckpoints: Bool) throws {
        guard !hasSettings, !hasCheckpoints else { return }
        throw FormatError(
            settings,
            "expected the settings of the finished run, found no file; restore it, or start a new run without --resume"
        )
    }

    /// The first file that is missing, empty, or of another size than the run wrote; nil if there is none.
    ///
    /// - Parameter source: The model directory whose other files the run copied, some of which may be empty.
    private func fault(source: FilePath) throws -> String? {
        let weights = completion.modelFiles
        let isAdapter = weights.keys.contains(WeightFiles.adapter)
        let files = Self.files + [isAdapter ? AdapterNames.configurationFile : "config.json"]
        for name in try weights.keys.sorted() + files + ModelCompanions(in: source).names {
            let file = directory.appending(name)
            guard let count = try? MappedFile(file).count else { return "\(file) is missing" }
            if let bytes = weights[name], count != bytes {
                return "\(file): expected \(bytes) bytes, found \(count)"
            }
            let isEmpty = count == 0 && (files.contains(name) || isFilled(source.appending(name)))
            if isEmpty { return "\(file) is empty" }
        }
        return nil
    }

    private func isFilled(_ file: FilePath) -> Bool { (try? MappedFile(file)).map { $0.count > 0 } ?? false }
}
