package import Collectives
internal import Compute
package import Configuration
internal import Objectives
package import Preferences
package import Transformer

/// An optimizer step over all ranks: the gradients of a plan's pairs, and the update of the weights.
///
/// Buckets of gradients are reduced over ranks while those of earlier layers are computed. Each rank updates its slices
/// of the weights, and then all exchange them.
package final class TrainingStep {
    private let policy: Policy
    private let model: ForestModel
    private let gradients: ShardGradients
    private let optimizer: Optimizer
    private let scoring: PairScoring
    private let maxGradNorm: Double
    private let partition: RankPartition
    /// Nil for a single rank.
    private let exchange: BucketExchange?
    private let communicator: any Communicator
    /// The number of buckets whose gradients are complete on this rank.
    private var completeBuckets = 0

    /// Steps of `policy` in these buffers, with the losses of `scoring`.
    ///
    /// - Parameters:
    ///   - model: With capacity for every packed sequence that a plan may pack.
    ///   - gradients: For the shards of `partition`.
    ///   - optimizer: For the slices of `partition`.
    package init(
        policy: Policy,
        model: ForestModel,
        gradients: ShardGradients,
        optimizer: Optimizer,
        scoring: PairScoring,
        partition: RankPartition,
        configuration: TrainingConfiguration,
        communicator: any Communicator
    ) {
        (self.policy, self.model, self.gradients, self.optimizer) = (policy, model, gradients, optimizer)
        (self.scoring, self.partition, self.communicator) = (scoring, partition, communicator)
        maxGradNorm = configuration.maxGradNorm
        exchange = partition.reduction.map { reduction in
            BucketExchange(
                reduction,
                buckets: partition.buckets,
                gradients: gradients.total.flat,
                weights: policy.weights,
                overlaps: configuration.communication.overlaps
            )
        }
    }

    /// Computes this rank's shards of the plan, and updates the weights, the same on every rank; collective.
    ///
    /// If the loss or its gradient is not finite, weights and moments stay unchanged.
    ///
    /// - Parameters:
    ///   - makePlan: The plan, the same on every rank; planning is part of the step and of its time.
    ///   - isStopRequested: Whether this rank received a signal to stop; called when its passes are done.
    ///   - beforeUpdate: Called on every rank before the weights change, when no transfer is in progress.
    package func run(
        _ makePlan: @autoclosure () -> StepPlan,
        learningRate: Double,
        isStopRequested: () -> Bool = { false },
        beforeUpdate: () throws -> Void = {}
    ) throws -> StepOutcome {
        let (start, systemStart) = (ContinuousClock().now, Processor.systemSeconds)
        var times = StepTimes()
        let plan = policy.team.alone("plan", makePlan)
        let (own, suspects) = try accumulate(plan)
        let sums = try reduce(own, isStopRequested: isStopRequested, &times)
        let norm = try times.measure(\.optimizer, self.norm)
        let loss = sums.statistics.mean(.loss)
        let fault =
            norm.isFinite && loss.isFinite
            ? nil : StepOutcome.Fault(loss: loss, gradientNorm: norm, rows: try rows(of: plan, among: suspects))
        if fault == nil {
            try beforeUpdate()
            times.measure(\.optimizer) { update(norm: norm, learningRate: learningRate) }
            try times.measure(\.exposedCommunication, drain)
            policy.weights.widenVectors()
        }
        (times.forward, times.backward, times.head) = (model.times.forward, model.times.backward, model.times.head)
        times.communication += takeTransfers()
        times.system = Processor.systemSeconds - systemStart
        times.total = (ContinuousClock().now - start) / .seconds(1)
        let costs = partition.rankSums(of: plan.shardFLOPs)
        let report = StepReport(
            statistics: sums.statistics,
            gradientNorm: norm,
            learningRate: learningRate,
            plan: plan,
            seconds: times,
            ranks: RankTimes(seconds: sums.rankSeconds, costs: costs)
        )
        return StepOutcome(
            report: fault == nil ? report : report.asSkipped,
            fault: fault,
            isStopRequested: sums.isStopRequested,
            rankRates: zip(costs, sums.rankSeconds).map { $1 > 0 ? $0 / $1 : 0 }
        )
    }

    /// Waits for the gradients of all ranks, and reduces the statistics of the step.
    private func reduce(
        _ own: [PreferenceStatistics],
        isStopRequested: () -> Bool,
        _ times: inout StepTimes
    ) throws -> StepSums {
        try times.measure(\.waiting, drain)
        let drained = times.waiting
        let sums = try times.measure(\.communication) {
            try StepSums.reduce(
                own,
                partition: partition,
                isStopRequested: isStopRequested(),
                passSeconds: model.times.total,
                drainSeconds: drained,
                communicator: communicator
            )
        }
        // The slowest rank waits for no other: its wait is communication, on every rank.
        times.waiting = drained - sums.shortestDrain
        times.exposedCommunication = sums.shortestDrain + times.communication
        return sums
    }

    /// Adds the step's transfers to the profile, and returns their seconds.
    private func takeTransfers() -> Double {
        let transfers = exchange?.takeTransfers() ?? []
        for transfer in transfers {
            policy.team.profile?.note(
                transfer.name,
                start: transfer.start,
                end: transfer.end,
                bytes: transfer.bytes
            )
        }
        return transfers.reduce(0) { $0 + $1.seconds }
    }

    /// Computes the gradients of this rank's shards, counts their pairs, and finds examples with a non-finite loss.
    private func accumulate(_ plan: StepPlan) throws -> (statistics: [PreferenceStatistics], suspects: Set<Int>) {
        model.times = .init()
        completeBuckets = 0
        let shards = policy.team.alone("plan") { partition.shards.map(plan.packedSequences(shard:)) }
        let matching = try matching(shards.flatMap(\.self), plan.counts)
        let step = StepScoring(scoring, counts: plan.counts, matching: matching)
        var suspects = Set<Int>()
        let statistics = shards.enumerated().map { index, rows in
            let buffer = gradients.begin(index, team: policy.team)
            let isLast = index == shards.count - 1
            let statistics = accumulate(rows, step, into: buffer, launchesBuckets: isLast, suspects: &suspects)
            if !isLast { gradients.end(index, buffer, team: policy.team) }
            return statistics
        }
        launchReadyBuckets(upTo: policy.layout.count)
        return (statistics, suspects)
    }

    /// Adds the gradients of a shard's packed sequences.
    ///
    /// - Parameter launchesBuckets: Whether the last packed sequence completes the rank's gradients.
    private func accumulate(
        _ rows: [PackedSequence],
        _ step: StepScoring,
        into buffer: ParameterBuffer,
        launchesBuckets: Bool,
        suspects: inout Set<Int>
    ) -> PreferenceStatistics {
        var statistics = PreferenceStatistics()
        let parameters = policy.parameters(gradients: buffer)
        for (index, row) in rows.enumerated() {
            let completes = launchesBuckets && index == rows.count - 1
            let scores = model.accumulateGradients(
                row,
                parameters: parameters,
                layersLeft: { left in
                    guard completes else { return }
                    self.launchReadyBuckets(upTo: self.policy.layout.gradientReadyCount(layersLeft: left))
                },
                lossGradient: { step.derivatives(row: row, scores: $0, examples: $1) }
            )
            Progress.move()
            step.count(row, scores: scores, into: &statistics)
            // Once the sum is not finite it stays so: only then each example is inspected.
            guard !statistics[.loss].isFinite else { continue }
            for example in row.examples {
                var alone = PreferenceStatistics()
                step.count(example, in: row, scores: scores, into: &alone)
                if !alone[.loss].isFinite { suspects.insert(example.index) }
            }
        }
        return statistics
    }

    /// Launches the transfer of the buckets within the first `count` elements, whose gradients are complete on this
    /// rank.
    private func launchReadyBuckets(upTo count: Int) {
        let buckets = partition.buckets
        while completeBuckets < buckets.count, buckets[completeBuckets].upperBound <= count {
            gradients.settle(buckets[completeBuckets], team: policy.team)
            exchange?.reduce(completeBuckets)
            completeBuckets += 1
        }
    }

    /// Waits for the launched transfers.
    private func drain() throws {
        guard let exchange else { return }
        try policy.team.alone("communication", exchange.drain)
    }

    /// The examples of a plan that any rank found to be non-finite, ascending; collective.
    private func rows(of plan: StepPlan, among suspects: Set<Int>) throws -> [Int] {
        let rows = plan.counts.firstPairs.keys.sorted()
        let counts = try communicator.sum(rows.map { suspects.contains($0) ? 1 : 0 })
        return zip(rows, counts).filter { $0.1 > 0 }.map(\.0)
    }

    /// The matching of the step's pairs, if the objective needs it, by an additional forward pass; collective.
    private func matching(_ rows: [PackedSequence], _ counts: LossCounts) throws -> TransportMatching? {
        guard scoring.objective.needsMatching else { return nil }
        var pairs = PairCollection(scoring, counts: counts)
        for row in rows {
            pairs.add(row, scores: model.score(row, parameters: policy.parameters()))
            Progress.move()
        }
        return try pairs.matched(communicator)
    }

    /// The Euclidean norm of the reduced gradient: each rank contributes the squares of its slices, and all add them up
    /// in the same order.
    ///
    /// Collective.
    private func norm() throws -> Double {
        let squares = gradients.total.unitSquares(of: partition.ownSlices, team: policy.team)
        // Each unit is on one rank; the others hold zero.
        return try communicator.sum(squares).reduce(0, +).squareRoot()
    }

    /// Updates this rank's slices of the weights with the reduced gradient, and launches the transfer of each.
    private func update(norm: Double, learningRate: Double) {
        optimizer.update(
            gradient: gradients.total.flat,
            learningRate: learningRate,
            scale: clippingScale(norm: norm, maximum: maxGradNorm),
            team: policy.team
        ) { bucket in exchange?.gather(bucket) }
    }
}
