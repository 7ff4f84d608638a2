internal import Collectives
internal import Compute
internal import Objectives
internal import Preferences
internal import Transformer

/// One optimizer step over all ranks: the gradients of a plan's pairs, and the update of the weights that they give.
final class TrainingStep {
    private let policy: Policy
    private let model: ForestModel
    private let gradients: Gradients
    private let optimizer: Optimizer
    private let scoring: PairScoring
    private let maxGradNorm: Double
    private let communicator: any Communicator

    /// Steps of `policy` in these buffers, with the losses of `scoring`.
    ///
    /// - Parameters:
    ///   - model: With room for every row that a plan may pack.
    ///   - maxGradNorm: The norm to which gradients are clipped; 0 for no clipping.
    init(
        policy: Policy,
        model: ForestModel,
        gradients: Gradients,
        optimizer: Optimizer,
        scoring: PairScoring,
        maxGradNorm: Double,
        communicator: any Communicator
    ) {
        self.policy = policy
        self.model = model
        self.gradients = gradients
        self.optimizer = optimizer
        self.scoring = scoring
        self.maxGradNorm = maxGradNorm
        self.communicator = communicator
    }

    /// Computes this rank's shard of the plan, and updates the weights alike on every rank.
    ///
    /// - Parameter makePlan: The plan, the same on every rank; to make it is part of the step and of its time.
    /// - Throws: `RankFailure` on every rank where the loss or its gradient is not finite; the weights then stay.
    func run(_ makePlan: @autoclosure () -> StepPlan, learningRate: Double) throws -> StepReport {
        let clock = ContinuousClock()
        let (start, system) = (clock.now, Processor.systemSeconds)
        let plan = policy.team.alone("plan", makePlan)
        var statistics = try accumulate(plan)
        let computed = clock.now
        // Waiting for the slowest rank is not communication: it is kept apart.
        try policy.team.alone("waiting for other ranks") { try communicator.barrier() }
        let together = clock.now
        try policy.team.alone("all-reduce") { try gradients.allReduce(communicator) }
        statistics = PreferenceStatistics(sums: try communicator.sum(statistics.sums))
        let reduced = clock.now
        let norm = try update(loss: statistics.mean(.loss), learningRate: learningRate)
        let end = clock.now
        return StepReport(
            statistics: statistics,
            gradientNorm: norm,
            learningRate: learningRate,
            plan: plan,
            seconds: .init(
                total: (end - start) / .seconds(1),
                forward: model.times.forward,
                backward: model.times.backward,
                head: model.times.head,
                waiting: (together - computed) / .seconds(1),
                communication: (reduced - together) / .seconds(1),
                optimizer: (end - reduced) / .seconds(1),
                system: Processor.systemSeconds - system
            )
        )
    }

    /// Makes the gradients of this rank's shard anew, and counts its pairs.
    private func accumulate(_ plan: StepPlan) throws -> PreferenceStatistics {
        model.times = .init()
        gradients.clear(team: policy.team)
        var statistics = PreferenceStatistics()
        let rows = policy.team.alone("plan") { plan.packedRows(shard: communicator.rank) }
        let step = StepScoring(scoring, counts: plan.counts, matching: try matching(rows, plan.counts))
        for row in rows {
            let scores = model.accumulateGradients(row, weights: policy.weights, gradients: gradients.views) {
                step.derivatives(row: row, scores: $0, examples: $1)
            }
            step.count(row, scores: scores, into: &statistics)
        }
        return statistics
    }

    /// What each pair meets among the step's, where the objective asks for it: one more forward pass.
    private func matching(_ rows: [PackedRow], _ counts: LossCounts) throws -> StepMatching? {
        guard scoring.objective.needsMatching else { return nil }
        var pairs = PairCollection(scoring, counts: counts)
        for row in rows { pairs.add(row, scores: model.score(row, weights: policy.weights)) }
        return try pairs.matched(communicator)
    }

    /// Updates the weights by the reduced gradient, and gives its norm.
    private func update(loss: Double, learningRate: Double) throws -> Double {
        let norm = gradients.norm(team: policy.team)
        guard norm.isFinite, loss.isFinite else {
            // Known to every rank alike, from reduced values.
            throw RankFailure(
                rank: 0,
                error: TrainingError.notFinite(step: optimizer.step + 1, loss: loss, gradientNorm: norm)
            )
        }
        optimizer.update(
            parameters: policy.flat,
            gradient: gradients.flat,
            learningRate: learningRate,
            scale: clippingScale(norm: norm, maximum: maxGradNorm),
            team: policy.team
        )
        return norm
    }
}
