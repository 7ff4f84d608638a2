internal import Collectives
internal import Configuration
internal import Formats
internal import Foundation
internal import Reporting
internal import SystemPackage

/// A run of an output directory that has taken its last step.
struct FinishedRun {
    /// The files that a finished run has written in addition to its record.
    private static let files = [ModelDirectory.weights, "config.json", "metrics.jsonl", "summary.json", settingsName]
    private static let settingsName = "espalier.yaml"

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
            return try run.isComplete(configuration, identity)
        }
        return try communicator.maximum(isFinished ? 1 : 0) > 0
    }

    private func isComplete(_ configuration: TrainingConfiguration, _ identity: RunIdentity) throws -> Bool {
        if let fault {
            let remedy = "the steps after its newest checkpoint, or all without one, are repeated to write it again"
            printNotice("warning: \(fault), although the run has finished; \(remedy)")
            return false
        }
        switch try refusal(configuration, identity) {
        case .otherLength(let path, let made, let asked, let isFinished):
            throw TrainingError.otherLength(path: path, made: made, asked: asked, isFinished: isFinished)
        case .some: return false
        case nil: break
        }
        let (last, total) = (completion.lastStep, completion.totalSteps)
        let end = last < total ? ", by early stopping" : ""
        printNotice(
            "\(directory): the run has finished, after step \(last) of \(total)\(end); nothing is changed; "
                + "for a new run omit --resume"
        )
        return true
    }

    /// Why a run with these settings, model and data is not this one; nil if it is, or if the settings are lost.
    func refusal(_ configuration: TrainingConfiguration, _ identity: RunIdentity) throws -> TrainingError? {
        let file = directory.appending(Self.settingsName)
        guard FileManager.default.fileExists(atPath: file.string) else { return nil }
        let settings = try TrainingConfiguration(yaml: file)
        return try identity.refusal(
            of: completion.identity,
            settings,
            for: configuration,
            at: directory,
            isFinished: true
        )
    }

    /// The first file that is missing or has another size than the run wrote; nil if there is none.
    private var fault: String? {
        for file in Self.files.map(directory.appending(_:)) {
            guard let count = try? MappedFile(file).count else { return "\(file) is missing" }
            guard file.lastComponent?.string == ModelDirectory.weights, count != completion.modelBytes else { continue }
            return "\(file): expected \(completion.modelBytes) bytes, found \(count)"
        }
        return nil
    }
}
