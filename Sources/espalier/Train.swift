internal import ArgumentParser
internal import Collectives
internal import Supervision
internal import Training

extension Balance: ExpressibleByArgument {}

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Trains a model on preferences.")

    @OptionGroup var shared: SharedOptions

    @OptionGroup var schedule: ScheduleOptions

    @OptionGroup var objective: ObjectiveOptions

    @OptionGroup var evaluation: EvaluationOptions

    @OptionGroup var saving: SavingOptions

    @OptionGroup var communication: CommunicationOptions

    @Option(name: .long, help: "The directory for the trained model, metrics.jsonl and summary.json.")
    var output: String?

    @Option(name: .long, help: "AdamW's peak learning rate (default 1e-6).")
    var learningRate: Double?

    @Option(name: .long, help: "linear (default), cosine, constant or constant_with_warmup.")
    var lrSchedulerType: LearningRateSchedule.Kind?

    @Option(name: .long, help: "The share of steps over which the rate rises (default 0).")
    var warmupRatio: Double?

    @Option(name: .long, help: "The norm to which gradients are clipped, 0 for none (default 1).")
    var maxGradNorm: Double?

    @Option(name: .long, help: "Decoupled weight decay; norms have none (default 0).")
    var weightDecay: Double?

    @Option(name: .long, help: "Steps between two lines of metrics (default 1).")
    var loggingSteps: Int?

    @Option(name: .long, help: "Divides a step evenly (planned, default), or by each rank's measured speed (measured).")
    var balance: Balance?

    @Option(name: .long, help: "A file that keeps the reference model's log-probabilities between runs.")
    var referenceCache: String?

    @Option(name: .long, help: "Steps between two comparisons of the ranks' weights, 0 for none (default 100).")
    var rankCheckSteps: Int?

    @Option(
        name: .long,
        help: "Steps in a row to skip where loss or gradient is not finite (default 0: stops at once)."
    )
    var maxSkipped: Int?

    @Flag(name: .long, help: "Also writes where the time goes: phases.txt of rank 0, trace.json of all for Perfetto.")
    var profilePhases = false

    func run() throws {
        // First: until then a signal ends the process.
        StopSignal.watch()
        var isInterrupted = false
        let status = World.run { communicator in
            let configuration = try communicator.agree { try resolved() }
            do {
                let run = try TrainingRun.prepare(configuration, communicator: communicator)
                try run.run(profilesPhases: profilePhases)
            } catch is Interrupted {
                isInterrupted = true
            }
        }
        throw ExitCode(isInterrupted && status == 0 ? Interrupted.exitCode : status)
    }

    private func resolved() throws -> TrainingConfiguration {
        var configuration = try shared.resolved()
        schedule.override(&configuration)
        objective.override(&configuration)
        evaluation.override(&configuration.evaluation)
        saving.override(&configuration.saving)
        communication.override(&configuration.communication)
        output.map { configuration.output = $0 }
        learningRate.map { configuration.learningRate = $0 }
        lrSchedulerType.map { configuration.lrSchedulerType = $0 }
        warmupRatio.map { configuration.warmupRatio = $0 }
        maxGradNorm.map { configuration.maxGradNorm = $0 }
        weightDecay.map { configuration.weightDecay = $0 }
        loggingSteps.map { configuration.loggingSteps = $0 }
        balance.map { configuration.balance = $0 }
        referenceCache.map { configuration.referenceCache = $0 }
        rankCheckSteps.map { configuration.communication.rankCheckSteps = $0 }
        maxSkipped.map { configuration.maxSkipped = $0 }
        return configuration
    }
}
