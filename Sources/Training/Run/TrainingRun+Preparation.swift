package import Collectives
internal import Compute
package import Configuration
internal import Formats
internal import Objectives
internal import Preferences
internal import Reporting
internal import Supervision
internal import SystemPackage
internal import Transformer

extension TrainingRun {
    /// Prepares a run: reads and checks model, data and checkpoint, and computes missing reference log-probabilities.
    ///
    /// Collective.
    ///
    /// - Returns: Nil if the run to resume has finished, which is reported; nothing is changed.
    /// - Throws: `RankFailure` on every rank if any rank failed, `Interrupted` if any received a signal to stop.
    package static func prepare(
        _ configuration: TrainingConfiguration,
        communicator: any Communicator
    ) throws -> TrainingRun? {
        let inputs = try Inputs.read(
            configuration,
            communicator: communicator,
            batchSize: configuration.globalBatchSize
        )
        let (objective, output) = try openOutput(configuration, inputs, communicator)
        let identity = RunIdentity(inputs)
        let store = output.map { CheckpointStore($0, configuration) }
        try communicator.agree {
            try store?.sweep()
            try store?.requireCheckpoints()
        }
        if try FinishedRun.isFound(configuration, store: store, identity: identity, communicator: communicator) {
            return nil
        }
        Progress.enter("start", step: 0)
        let watchdog = try Watchdog.start(
            output: FilePath(configuration.output),
            timeout: configuration.saving.stallTimeout,
            communicator: communicator
        )
        let resumption = try Resumption.find(
            configuration,
            store: store,
            identity: identity,
            communicator: communicator
        )
        let resumed = resumption?.state
        var configuration = configuration
        let products = try chooseProducts(&configuration, inputs.policy, resumption, communicator)
        let state = resumed?.run ?? RunState()
        var schedule = RunSchedule(inputs.dataset, configuration)
        for warning in configuration.warmupWarnings(steps: schedule.totalSteps) where communicator.rank == 0 {
            printNotice("warning: \(warning)")
        }
        schedule.advance(by: state.step + state.skippedBatches)
        var preparation = RunPreparation(
            configuration,
            inputs,
            products,
            schedule,
            skippedSteps: state.skippedBatches
        )
        let partition = try RankPartition.establish(
            configuration.communication,
            parameters: inputs.policy.layout.count,
            communicator: communicator
        )
        let buffers = try allocate(configuration, inputs.policy, preparation, partition, communicator)
        let optimizerState = OptimizerState(
            partition: partition,
            optimizer: buffers.optimizer,
            communicator: communicator
        )
        let history = store.map { _ in RunHistory(resuming: resumed) }
        let saving = try RunSaving.prepare(
            configuration,
            identity: identity,
            policy: inputs.policy,
            state: optimizerState,
            scratch: buffers.gradients.total.flat,
            output: output,
            history: history,
            last: resumption?.path,
            communicator: communicator
        )
        let scorings = try complete(&preparation, configuration, inputs.policy, objective, buffers, communicator) {
            if let history { try store?.begin(history) }
        }
        let run = TrainingRun(
            configuration: configuration,
            communicator: communicator,
            policy: inputs.policy,
            planner: inputs.planner,
            output: output,
            partition: partition,
            trainingStep: TrainingStep(
                policy: inputs.policy,
                model: buffers.model,
                gradients: buffers.gradients,
                optimizer: buffers.optimizer,
                scoring: scorings.training,
                partition: partition,
                configuration: configuration,
                communicator: communicator
            ),
            evaluation: evaluation(configuration, inputs, buffers.model, scorings.heldOut, communicator),
            preparation: preparation,
            saving: saving,
            resumption: resumption,
            watchdog: watchdog,
            gradients: buffers.gradients,
            optimizerState: optimizerState,
            state: state,
            schedule: schedule
        )
        // Last: the self-check and the reference need the model as it was before training.
        if let resumption { try run.restore(resumption) }
        return run
    }

    /// Chooses how products are computed, and sets the precision of `configuration` to the one that was chosen.
    ///
    /// With `auto` a resumed run computes in the precision that it started with.
    private static func chooseProducts(
        _ configuration: inout TrainingConfiguration,
        _ policy: Policy,
        _ resumption: Resumption?,
        _ communicator: any Communicator
    ) throws -> ProductChoice {
        if let resumption, configuration.precision == .auto { configuration.precision = resumption.precision }
        let products = try policy.chooseProducts(configuration.precision, communicator: communicator)
        configuration.precision = products.precision
        return products
    }

    private typealias Buffers = (model: ForestModel, gradients: ShardGradients, optimizer: Optimizer)

    /// Checks that the settings suit the ranks, and opens the output directory on rank 0.
    private static func openOutput(
        _ configuration: TrainingConfiguration,
        _ inputs: Inputs,
        _ communicator: any Communicator
    ) throws -> (Objective, ModelDirectory?) {
        try communicator.agree {
            try configuration.check(inputs.planner, ranks: communicator.size)
            let output =
                communicator.rank == 0 ? try ModelDirectory.prepare(configuration, for: inputs.policy) : nil
            // After the output directory exists, in which the cache may be.
            try configuration.checkReferenceCache(rank: communicator.rank)
            return (try Objective(configuration.objective), output)
        }
    }

    /// Allocates all large buffers of a rank in addition to the weights.
    private static func allocate(
        _ configuration: TrainingConfiguration,
        _ policy: Policy,
        _ preparation: RunPreparation,
        _ partition: RankPartition,
        _ communicator: any Communicator
    ) throws -> Buffers {
        try communicator.agree {
            let optimizer = try Optimizer(configuration, policy.weights, parts: partition.ownSlices)
            return (try policy.model(for: preparation), try ShardGradients(policy, partition), optimizer)
        }
    }

    /// Measures the peak rate, runs the self-check, and completes the reference.
    ///
    /// - Parameter begin: Called on every rank after everything that may refuse the run, and before the reference pass, in which
    ///   it may be stopped.
    /// - Returns: The scoring of training examples, and of held-out ones if there are any.
    private static func complete(
        _ preparation: inout RunPreparation,
        _ configuration: TrainingConfiguration,
        _ policy: Policy,
        _ objective: Objective,
        _ buffers: Buffers,
        _ communicator: any Communicator,
        begin: () throws -> Void
    ) throws -> (training: PairScoring, heldOut: PairScoring?) {
        try preparation.measurePeakRate(team: policy.team, communicator: communicator)
        let check = EquivalenceCheck(policy: policy, model: buffers.model, gradients: buffers.gradients.total)
        try preparation.runSelfCheck(check, communicator: communicator)
        let reference = try preparation.computeReference(
            configuration,
            policy: policy,
            model: buffers.model,
            isUsed: objective.usesReference,
            communicator: communicator,
            begin: begin
        )
        preparation.finish()
        func scoring(_ reference: ReferenceLogps) -> PairScoring {
            PairScoring(
                objective: objective,
                pairing: configuration.pairs,
                reference: reference,
                layers: policy.architecture.layerCount
            )
        }
        return (scoring(reference.training), reference.heldOut.map(scoring))
    }

    private static func evaluation(
        _ configuration: TrainingConfiguration,
        _ inputs: Inputs,
        _ model: ForestModel,
        _ scoring: PairScoring?,
        _ communicator: any Communicator
    ) -> RunEvaluation? {
        guard let planner = inputs.heldOut, let scoring else { return nil }
        let pass = ScoringPass(policy: inputs.policy, planner: planner, communicator: communicator)
        return RunEvaluation(configuration.evaluation, pass: pass, model: model, scoring: scoring)
    }
}
