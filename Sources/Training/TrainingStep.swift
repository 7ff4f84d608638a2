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
    /// Where the loss or its gradient is not finite, weights and moments stay as they were.
    ///
    /// - Parameters:
    ///   - makePlan: The plan, the same on every rank; to make it is part of the step and of its time.
    ///   - isAskedToStop: Asked of each rank when its share is computed: whether it was asked to stop.
    func run(
        _ makePlan: @autoclosure () -> StepPlan,
        learningRate: Double,
        isAskedToStop: () -> Bool = { false }
    ) throws -> StepOutcome {
        let clock = ContinuousClock()
        let (start, system) = (clock.now, Processor.systemSeconds)
        let plan = policy.team.alone("plan", makePlan)
        let (own, suspects) = try accumulate(plan)
        let computed = clock.now
        // Waiting for the slowest rank is not communication: it is kept apart.
        try policy.team.alone("waiting for other ranks") { try communicator.barrier() }
        let together = clock.now
        try policy.team.alone("all-reduce") { try gradients.allReduce(communicator) }
        // Who was asked to stop rides on the sums, so that all ranks know it at the same step.
        let sums = try communicator.sum(own.sums + [isAskedToStop() ? 1 : 0])
        let statistics = PreferenceStatistics(sums: Array(sums.dropLast()))
        let reduced = clock.now
        let (norm, isUpdated) = update(loss: statistics.mean(.loss), learningRate: learningRate)
        let end = clock.now
        var fault: StepOutcome.Fault?
        if !isUpdated {
            let rows = try rows(of: plan, among: suspects)
            fault = StepOutcome.Fault(loss: statistics.mean(.loss), gradientNorm: norm, rows: rows)
        }
        let report = StepReport(
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
        return StepOutcome(
            report: fault == nil ? report : report.asSkipped,
            fault: fault,
            isAskedToStop: sums[sums.count - 1] > 0
        )
    }

    /// Makes the gradients of this rank's shard anew, counts its pairs, and names the rows whose loss is not finite.
    private func accumulate(_ plan: StepPlan) throws -> (statistics: PreferenceStatistics, suspects: Set<Int>) {
        model.times = .init()
        gradients.clear(team: policy.team)
        var (statistics, suspects) = (PreferenceStatistics(), Set<Int>())
        let rows = policy.team.alone("plan") { plan.packedRows(shard: communicator.rank) }
        let step = StepScoring(scoring, counts: plan.counts, matching: try matching(rows, plan.counts))
        for row in rows {
            let scores = model.accumulateGradients(row, weights: policy.weights, gradients: gradients.views) {
                step.derivatives(row: row, scores: $0, examples: $1)
            }
            Progress.move()
            step.count(row, scores: scores, into: &statistics)
            // Once the sum is not finite it stays so: only then each example is looked at.
            guard !statistics[.loss].isFinite else { continue }
            for example in row.examples {
                var alone = PreferenceStatistics()
                step.count(example, in: row, scores: scores, into: &alone)
                if !alone[.loss].isFinite { suspects.insert(example.row) }
            }
        }
        return (statistics, suspects)
    }

    /// The rows of a plan that any rank suspects, ascending.
    private func rows(of plan: StepPlan, among suspects: Set<Int>) throws -> [Int] {
        let rows = plan.counts.firstPairs.keys.sorted()
        let counts = try communicator.sum(rows.map { suspects.contains($0) ? 1 : 0 })
        return zip(rows, counts).filter { $0.1 > 0 }.map(\.0)
    }

    /// What each pair meets among the step's, where the objective asks for it: one more forward pass.
    private func matching(_ rows: [PackedRow], _ counts: LossCounts) throws -> StepMatching? {
        guard scoring.objective.needsMatching else { return nil }
        var pairs = PairCollection(scoring, counts: counts)
        for row in rows {
            pairs.add(row, scores: model.score(row, weights: policy.weights))
            Progress.move()
        }
        return try pairs.matched(communicator)
    }

    /// Updates the weights by the reduced gradient where all is finite, which every rank knows from reduced values.
    private func update(loss: Double, learningRate: Double) -> (norm: Double, isUpdated: Bool) {
        let norm = gradients.norm(team: policy.team)
        guard norm.isFinite, loss.isFinite else { return (norm, false) }
        optimizer.update(
            parameters: policy.flat,
            gradient: gradients.flat,
            learningRate: learningRate,
            scale: clippingScale(norm: norm, maximum: maxGradNorm),
            team: policy.team
        )
        return (norm, true)
    }
}
