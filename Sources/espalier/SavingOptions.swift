internal import ArgumentParser
internal import Training

/// When a run saves itself, and from where it goes on.
struct SavingOptions: ParsableArguments {
    @Option(name: .long, help: "Steps between two checkpoints in the output directory (default: none).")
    var saveSteps: Int?

    @Option(name: .long, help: "Checkpoints to keep (default: all).")
    var saveTotalLimit: Int?

    @Option(
        name: [.customLong("resume"), .customLong("resume-from-checkpoint")],
        defaultAsFlag: SavingSettings.newest,
        parsing: .next,
        help: "Resumes from this checkpoint, or from the newest whole one of the run in the output directory."
    )
    var resume: String?

    @Option(
        name: .long,
        help: "Goes back to the newest checkpoint where loss or gradient norm exceeds this factor of its median."
    )
    var rollbackOnSpike: Double?

    @Option(name: .long, help: "Seconds without any progress after which the job ends, 0 for never (default 1800).")
    var stallTimeout: Double?

    /// Puts what was given over the settings of a file.
    func override(_ settings: inout SavingSettings) {
        saveSteps.map { settings.saveSteps = $0 }
        saveTotalLimit.map { settings.saveTotalLimit = $0 }
        resume.map { settings.resumeFromCheckpoint = $0 }
        rollbackOnSpike.map { settings.rollbackOnSpike = $0 }
        stallTimeout.map { settings.stallTimeout = $0 }
    }
}
