internal import Formats
internal import SystemPackage

extension Translation {
    /// The settings of a run, after options have replaced some: with data, and without the evaluations of the file if there is
    /// nothing to evaluate on.
    ///
    /// - Returns: The settings, and what was left out.
    /// - Throws: `FormatError` with the commands for what is missing.
    package func completed(
        _ settings: TrainingConfiguration
    ) throws -> (run: TrainingConfiguration, omissions: [String]) {
        var settings = settings
        let download = preparation.download.map(\.directory)
        let lacksModel = settings.model == download && !Preparation.exists(settings.model)
        guard !settings.data.isEmpty else {
            throw missing("--data, prepared data", lacksModel ? nil : preparation.fetch)
        }
        guard !lacksModel else {
            throw FormatError(
                path,
                "expected a model in \(settings.model), found none; run: \(preparation.fetch ?? "")"
            )
        }
        guard preparation.hasEvaluations, settings.evaluation.evalData == nil else { return (settings, []) }
        guard !settings.evaluation.loadBestModelAtEnd, settings.evaluation.earlyStoppingPatience == nil else {
            throw missing("--eval-data, on which the result depends", preparation.fetch, preparation.training)
        }
        settings.evaluation = EvaluationSettings()
        return (settings, ["no evaluations, as --eval-data is not given"])
    }

    /// Checks the ranges of the settings, as if the data were prepared.
    package func check() throws {
        var settings = configuration
        if preparation.hasEvaluations { settings.evaluation.evalData = "eval.safetensors" }
        try settings.validateRanges()
    }

    /// The error for a missing option, with the commands that lead to it, except `done`.
    private func missing(_ what: String, _ done: String?...) -> FormatError {
        let commands = preparation.commands.filter { !done.contains($0) }
        guard !commands.isEmpty else {
            return FormatError(path, "expected \(what), found none; prepare data with espalier-prepare")
        }
        let options = preparation.files.map { "\(ForeignSettings.flag($0.key)) \($0.file)" }.joined(separator: " ")
        let notes = preparation.notes.isEmpty ? "" : "; note: \(preparation.notes.joined(separator: "; "))"
        let run = commands.joined(separator: " && ")
        return FormatError(path, "expected \(what), found none; run: \(run); then add \(options)\(notes)")
    }
}
