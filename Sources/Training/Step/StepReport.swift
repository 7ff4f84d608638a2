package import Objectives
package import Preferences
package import Reporting

/// What one step, or several, did: all the metrics are made of it.
package struct StepReport: Sendable, Codable {
    /// Where the time of rank 0 went, in seconds.
    package struct Seconds: Sendable, Equatable, Codable {
        package var total: Double
        package var forward: Double
        package var backward: Double
        package var head: Double
        /// For slower ranks.
        package var waiting: Double
        /// In which something was on the way between ranks, also while others were computed and while a rank was waited
        /// for.
        package var communication: Double
        /// In which this rank had nothing else to do, the wait for slower ranks left out.
        package var exposedCommunication: Double
        package var optimizer: Double
        /// In the system, over all threads: for pages that are touched for the first time, and for messages.
        package var system: Double

        /// Times in seconds, none where left out.
        package init(
            total: Double = 0,
            forward: Double = 0,
            backward: Double = 0,
            head: Double = 0,
            waiting: Double = 0,
            communication: Double = 0,
            exposedCommunication: Double = 0,
            optimizer: Double = 0,
            system: Double = 0
        ) {
            self.total = total
            self.forward = forward
            self.backward = backward
            self.head = head
            self.waiting = waiting
            self.communication = communication
            self.exposedCommunication = exposedCommunication
            self.optimizer = optimizer
            self.system = system
        }

        static let fields: [any WritableKeyPath<Seconds, Double> & Sendable] = [
            \.total, \.forward, \.backward, \.head, \.waiting, \.communication, \.exposedCommunication, \.optimizer,
            \.system,
        ]

        /// The median of each part over several steps.
        package init(medians steps: [Seconds]) {
            self.init()
            for field in Self.fields { self[keyPath: field] = Spread(steps.map { $0[keyPath: field] }).median }
        }
    }

    package private(set) var statistics = PreferenceStatistics()
    package private(set) var gradientNorm = 0.0
    package private(set) var learningRate = 0.0
    package private(set) var tokensComputed = 0
    package private(set) var tokensUnshared = 0
    package private(set) var seconds = Seconds()
    private var flops = 0.0
    /// Steps that were added up.
    package private(set) var steps = 0
    /// Of these, those that left the weights as they were, since something was not finite.
    package private(set) var skipped = 0
    private var imbalance = 0.0
    /// What the ranks took for their shares; of several steps the sums.
    package private(set) var ranks = RankTimes()

    /// Nothing yet.
    package init() {}

    /// What one step did by `plan` on all ranks.
    package init(
        statistics: PreferenceStatistics,
        gradientNorm: Double,
        learningRate: Double,
        plan: StepPlan,
        seconds: Seconds,
        ranks: RankTimes
    ) {
        self.statistics = statistics
        self.gradientNorm = gradientNorm
        self.learningRate = learningRate
        self.seconds = seconds
        tokensComputed = plan.work.tokens
        tokensUnshared = plan.unsharedTokens
        flops = 3 * plan.flops
        imbalance = plan.imbalance
        self.ranks = ranks
        steps = 1
    }

    /// FLOPs of all steps, forward and backward.
    package var usefulFLOPs: Double { flops }
    /// The costliest share by the plan over the mean, and the slowest rank's time over the mean: means over steps.
    package var imbalances: (planned: Double, measured: Double) {
        (imbalance / Double(max(steps, 1)), ranks.imbalance / Double(max(steps, 1)))
    }

    /// Pairs of all steps.
    package var pairs: Int { Int(statistics[.pairs]) }

    /// The same step without its pairs and their metrics, which are not finite: it took its time, and nothing was learned.
    package var asSkipped: StepReport {
        var report = self
        report.statistics = PreferenceStatistics()
        report.skipped = steps
        return report
    }

    /// Adds a later step; norm and rate are the last ones.
    package mutating func add(_ other: StepReport) {
        statistics = PreferenceStatistics(sums: zip(statistics.sums, other.statistics.sums).map(+))
        skipped += other.skipped
        gradientNorm = other.gradientNorm
        learningRate = other.learningRate
        tokensComputed += other.tokensComputed
        tokensUnshared += other.tokensUnshared
        flops += other.flops
        imbalance += other.imbalance
        ranks.add(other.ranks)
        steps += other.steps
        for field in Seconds.fields { seconds[keyPath: field] += other.seconds[keyPath: field] }
    }

    /// Useful FLOPs over what all ranks could have done in the time at `peakRate` FLOP/s.
    package func utilization(peakRate: Double) -> Double { flops / (seconds.total * peakRate) }

    /// The line of `metrics.jsonl`.
    package func record(
        step: Int,
        epoch: Double,
        total: StepReport,
        sharing: Sharing,
        peakRate: Double
    ) -> MetricsRecord {
        var record = MetricsRecord()
        record.add("step", step)
        record.add("epoch", epoch)
        let metrics = statistics.metrics
        record.add("loss", metrics[0].value)
        record.add("grad_norm", gradientNorm)
        record.add("learning_rate", learningRate)
        for (name, value) in metrics.dropFirst() { record.add(name, value) }
        record.add("num_tokens", total.tokensUnshared)
        record.add("pairs_per_second", Double(pairs) / seconds.total)
        record.add("tokens_computed", tokensComputed)
        record.add("tokens_unshared", tokensUnshared)
        record.add("sharing", sharing.rawValue)
        record.add("mfu", utilization(peakRate: peakRate))
        record.add("step_seconds", seconds.total)
        seconds.addParts(to: &record)
        record.add("imbalance", imbalances.planned)
        record.add("measured_imbalance", imbalances.measured)
        if skipped > 0 { record.add("skipped_steps", skipped) }
        return record
    }

    /// What the progress line says.
    package func details(step: Int, of totalSteps: Int, pairsPerSecond: Double) -> String {
        let loss = rounded(statistics.mean(.loss), 4)
        let accuracy = rounded(statistics.mean(.accuracy), 2)
        return "step \(step)/\(totalSteps)  loss \(loss)  accuracy \(accuracy)  \(rounded(pairsPerSecond, 2)) pairs/s"
    }
}

extension StepReport.Seconds {
    /// Adds all but the total.
    package func addParts(to record: inout MetricsRecord) {
        record.add("forward_seconds", forward)
        record.add("backward_seconds", backward)
        record.add("head_seconds", head)
        record.add("waiting_seconds", waiting)
        record.add("communication_seconds", communication)
        record.add("exposed_communication_seconds", exposedCommunication)
        record.add("optimizer_seconds", optimizer)
        record.add("system_seconds", system)
    }
}
