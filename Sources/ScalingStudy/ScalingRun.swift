internal import Reporting

/// One run of a scaling study: steps on one number of ranks, as `bench` timed them.
package struct ScalingRun: Codable, Sendable, Equatable {
    /// One step; seconds are rank 0's unless stated otherwise.
    package struct Step: Codable, Sendable, Equatable {
        package var seconds: Double
        /// Seconds of forward and backward passes, the mean over ranks.
        package var compute: Double
        /// Seconds of communication, including what overlaps with passes.
        package var communication: Double
        /// Seconds of communication outside passes; nil without overlap.
        package var exposed: Double?
        /// The slowest rank's pass time over the mean.
        package var imbalance: Double
        /// The deviation of ranks in seconds for the same work, relative to their mean.
        package var spread: Double

        enum CodingKeys: String, CodingKey {
            case seconds = "step_seconds"
            case compute = "compute_seconds"
            case communication = "communication_seconds"
            case exposed = "exposed_communication_seconds"
            case imbalance = "measured_imbalance"
            case spread = "rank_spread"
        }

        /// A step of these times.
        package init(
            seconds: Double,
            compute: Double,
            communication: Double,
            exposed: Double? = nil,
            imbalance: Double = 1,
            spread: Double = 0
        ) {
            (self.seconds, self.compute) = (seconds, compute)
            (self.communication, self.exposed) = (communication, exposed)
            (self.imbalance, self.spread) = (imbalance, spread)
        }

        /// Communication that the step waits for.
        package var exposedCommunication: Double { exposed ?? communication }
        /// The mean wait of a rank for the slowest.
        package var waiting: Double { compute * max(imbalance - 1, 0) }
        /// Plan, update and everything else outside passes and communication.
        package var rest: Double { max(0, seconds - compute - waiting - exposedCommunication) }
    }

    package let ranks: Int
    /// The turn of the study, from 1.
    package let turn: Int
    /// The peak rate of all ranks' registers during the run, in GFLOP/s.
    package let peakGflops: Double
    /// Pairs of a step, over all ranks.
    package let pairs: Int
    /// Tokens that a step computes.
    package let tokens: Int
    /// Useful FLOPs of a step, forward and backward.
    package let flops: Double
    /// The planned cost of the costliest rank over the mean.
    package let plannedImbalance: Double
    /// The timed steps, at least one.
    package var steps: [Step]

    enum CodingKeys: String, CodingKey {
        case ranks, turn, pairs, flops, steps
        case peakGflops = "peak_gflops"
        case tokens = "tokens_computed"
        case plannedImbalance = "imbalance"
    }

    /// A run of these steps.
    package init(
        ranks: Int,
        turn: Int,
        peakGflops: Double,
        pairs: Int,
        tokens: Int,
        flops: Double,
        plannedImbalance: Double,
        steps: [Step]
    ) {
        (self.ranks, self.turn, self.peakGflops) = (ranks, turn, peakGflops)
        (self.pairs, self.tokens, self.flops) = (pairs, tokens, flops)
        (self.plannedImbalance, self.steps) = (plannedImbalance, steps)
    }

    /// The median over steps.
    package func median(_ field: (Step) -> Double) -> Double { SummaryStatistics(steps.map(field)).median }

    /// Useful FLOPs per second of a median step.
    var rate: Double { flops / median(\.seconds) }
}

extension ScalingRun {
    /// The run as a JSON object, which `Codable` decodes.
    var record: MetricsRecord {
        var record = MetricsRecord()
        record.add(CodingKeys.ranks.rawValue, ranks)
        record.add(CodingKeys.turn.rawValue, turn)
        record.add(CodingKeys.peakGflops.rawValue, peakGflops)
        record.add(CodingKeys.pairs.rawValue, pairs)
        record.add(CodingKeys.tokens.rawValue, tokens)
        record.add(CodingKeys.flops.rawValue, flops)
        record.add(CodingKeys.plannedImbalance.rawValue, plannedImbalance)
        record.add(CodingKeys.steps.rawValue, steps.map(\.record))
        return record
    }
}

extension ScalingRun.Step {
    fileprivate var record: MetricsRecord {
        var record = MetricsRecord()
        record.add(CodingKeys.seconds.rawValue, seconds)
        record.add(CodingKeys.compute.rawValue, compute)
        record.add(CodingKeys.communication.rawValue, communication)
        if let exposed { record.add(CodingKeys.exposed.rawValue, exposed) }
        record.add(CodingKeys.imbalance.rawValue, imbalance)
        record.add(CodingKeys.spread.rawValue, spread)
        return record
    }
}
