internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Reporting
internal import Supervision
internal import SystemPackage
internal import Training

extension Balance: ExpressibleByArgument {}

struct Train: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains a model on preference data, by DPO or another loss.",
        usage: "espalier train --model DIR --data FILE --output DIR [<options>]",
        discussion: """
            --model, --data and --output are required, as options or in the file of --config. The output directory \
            receives the model in Hugging Face format, metrics.jsonl (one line per logged step and evaluation, with \
            TRL's metric names), summary.json (totals of the run), report.html (its curves), checkpoint-STEP directories \
            with --save-steps, and phases.txt and trace.json with --profile-phases.

            SIGUSR1, SIGUSR2, SIGTERM and SIGINT stop a run after the current step, with a checkpoint and exit code \
            75; the same command with --resume continues it. Send SIGUSR1 to mpirun: after SIGTERM or SIGINT it \
            kills its ranks within two seconds.

              mpirun -np 2 --bind-to none espalier train --model DIR \\
                  --data train.safetensors --output OUT --beta 0.1 \\
                  --learning-rate 5e-6 --global-batch-size 8 --save-steps 100
            """
    )

    @OptionGroup(title: "Model, Data and Output") var shared: SharedOptions

    @OptionGroup(title: "Model, Data and Output") var outputs: OutputOptions

    @OptionGroup(title: "Steps and Order of the Data") var schedule: ScheduleOptions

    @OptionGroup(title: "Adapter") var newAdapter: NewAdapterOptions

    @OptionGroup(title: "Loss") var objective: ObjectiveOptions

    @OptionGroup(title: "Evaluation during Training") var evaluation: EvaluationOptions

    @OptionGroup(title: "Checkpoints and Failures") var saving: CheckpointOptions

    @OptionGroup(title: "Communication between Ranks") var communication: CommunicationOptions

    @Option(name: .long, help: "Peak learning rate of AdamW (default 1e-6).")
    var learningRate: Double?

    @Option(name: .long, help: "Learning rate schedule (default linear).")
    var lrSchedulerType: LearningRateSchedule.Kind?

    @OptionGroup var warmup: WarmupOptions

    @Option(name: .long, help: "Maximum global gradient norm, for clipping; 0 for no clipping (default 1).")
    var maxGradNorm: Double?

    @Option(name: .long, help: "Decoupled weight decay of the matrices, not of norms and biases (default 0).")
    var weightDecay: Double?

    @Option(name: .long, help: "Decay rate of AdamW's first moment, at least 0, below 1 (default 0.9).")
    var adamBeta1: Double?

    @Option(name: .long, help: "Decay rate of AdamW's second moment, at least 0, below 1 (default 0.999).")
    var adamBeta2: Double?

    @Option(name: .long, help: "Term ε in the denominator of AdamW, above 0 (default 1e-8).")
    var adamEpsilon: Double?

    @Option(name: .long, help: "Steps between lines of metrics (default 1).")
    var loggingSteps: Int?

    @Option(
        name: .long,
        parsing: .upToNextOption,
        help: "Trackers to write metrics for: tensorboard, as event files in OUTPUT/runs; or none (default none)."
    )
    var reportTo: [String] = []

    @Option(
        name: .long,
        help: "Load balancing: equal work for every rank, or by each rank's measured speed (default planned)."
    )
    var balance: Balance?

    @Option(name: .long, help: "File that caches the reference model's log-probabilities between runs (default: none).")
    var referenceCache: String?

    @Option(name: .long, help: "Steps between comparisons of the weights across ranks, 0 for none (default 100).")
    var rankCheckSteps: Int?

    @Option(
        name: .long,
        help: "Consecutive steps with non-finite loss or gradient to skip before the run fails (default 0)."
    )
    var maxSkipped: Int?

    @Flag(name: .long, help: "Also write a profile: phases.txt of rank 0, and trace.json of all ranks for Perfetto.")
    var profilePhases = false

    func run() throws {
        // First: before that a signal ends the process.
        StopSignal.watch()
        var isInterrupted = false
        let status = World.run { communicator in
            let configuration = try communicator.agree {
                let (configuration, report) = try resolved()
                if communicator.rank == 0 {
                    try files(of: configuration).check()
                    if let report { printNotice(String(report.dropLast())) }
                }
                return configuration
            }
            do {
                let run = try TrainingRun.prepare(configuration, communicator: communicator)
                try run?.run(profilesPhases: profilePhases)
            } catch is Interrupted {
                isInterrupted = true
            }
        }
        throw ExitCode(isInterrupted && status == 0 ? Interrupted.exitCode : status)
    }

    /// The files that the run reads and writes.
    private func files(of configuration: TrainingConfiguration) throws -> CommandFiles {
        var files = configuration.inputFiles
        configuration.evaluation.evalData.map { files.read(FilePath($0), as: "--eval-data") }
        try files.addOutput(of: configuration, settings: shared.configurationFile.map { FilePath($0) })
        files.addReferenceCache(of: configuration)
        return files
    }

    func checkSettings() throws { try resolved().0.validate() }

    /// The settings of the run, and how they were translated, if the file is another trainer's.
    private func resolved() throws -> (TrainingConfiguration, report: String?) {
        var (configuration, translation) = try shared.settings()
        schedule.override(&configuration)
        newAdapter.override(&configuration.adapter)
        objective.override(&configuration)
        evaluation.override(&configuration.evaluation)
        saving.override(&configuration.saving)
        communication.override(&configuration.communication)
        outputs.output.map { configuration.output = $0 }
        learningRate.map { configuration.learningRate = $0 }
        lrSchedulerType.map { configuration.lrSchedulerType = $0 }
        warmup.override(&configuration)
        maxGradNorm.map { configuration.maxGradNorm = $0 }
        weightDecay.map { configuration.weightDecay = $0 }
        adamBeta1.map { configuration.adamBeta1 = $0 }
        adamBeta2.map { configuration.adamBeta2 = $0 }
        adamEpsilon.map { configuration.adamEpsilon = $0 }
        loggingSteps.map { configuration.loggingSteps = $0 }
        if !reportTo.isEmpty { configuration.reportTo = Trackers.names(separated: reportTo) }
        balance.map { configuration.balance = $0 }
        referenceCache.map { configuration.referenceCache = $0 }
        rankCheckSteps.map { configuration.communication.rankCheckSteps = $0 }
        maxSkipped.map { configuration.maxSkipped = $0 }
        guard let translation else {
            try configuration.require([.model, .data, .output])
            return (configuration, nil)
        }
        let (run, omissions) = try translation.completed(configuration)
        try run.require([.model, .data, .output])
        return (run, try translation.report(of: run, omissions: omissions))
    }
}
