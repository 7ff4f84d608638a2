internal import ArgumentParser
internal import Configuration

extension SaveDType: ExpressibleByArgument {}

/// The options of checkpoints, resumption, rollback and the watchdog.
struct CheckpointOptions: ParsableArguments {
    @Option(name: .long, help: "Steps between checkpoints, OUTPUT/checkpoint-STEP (default: no checkpoints).")
    var saveSteps: Int?

    @Option(name: .long, help: "Maximum number of checkpoints to keep, the newest (default: all).")
    var saveTotalLimit: Int?

    @Option(
        name: [.customLong("resume"), .customLong("resume-from-checkpoint")],
        defaultAsFlag: SavingSettings.newest,
        parsing: .next,
        help: """
            Resume from this checkpoint directory, or without a value from the newest complete checkpoint of the \
            latest run in the output directory.
            """
    )
    var resume: String?

    @Option(
        name: .long,
        help: """
            Roll back to the newest checkpoint if loss or gradient norm exceeds this factor times its median over the \
            last 64 steps; needs --save-steps (default: never).
            """
    )
    var rollbackOnSpike: Double?

    @Option(
        name: .long,
        help: "Seconds without progress on any rank before the watchdog ends the job, 0 for never (default 1800)."
    )
    var stallTimeout: Double?

    @Option(
        name: .long,
        help: """
            Data type of the output's weights; auto keeps that of each tensor of the model. Checkpoints have float32 \
            (default auto).
            """
    )
    var saveDtype: SaveDType?

    /// Overrides the settings of a file by the options given.
    func override(_ settings: inout SavingSettings) {
        saveSteps.map { settings.saveSteps = $0 }
        saveTotalLimit.map { settings.saveTotalLimit = $0 }
        resume.map { settings.resumeFromCheckpoint = $0 }
        if Self.hasEmptyResume { settings.resumeFromCheckpoint = "" }
        rollbackOnSpike.map { settings.rollbackOnSpike = $0 }
        stallTimeout.map { settings.stallTimeout = $0 }
        saveDtype.map { settings.saveDType = $0 }
    }

    /// Whether an option has an empty value after `=`, which the parser takes for the option without a value.
    private static var hasEmptyResume: Bool {
        CommandLine.arguments.contains { ["--resume=", "--resume-from-checkpoint="].contains($0) }
    }
}
