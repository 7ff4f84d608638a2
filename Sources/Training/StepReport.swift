internal import Objectives
internal import Preferences

/// What one step, or several, did: all the metrics are made of it.
struct StepReport {
    /// Where the time of rank 0 went, in seconds.
    struct Seconds {
        var total = 0.0
        var forward = 0.0
        var backward = 0.0
        var head = 0.0
        /// For slower ranks.
        var waiting = 0.0
        var communication = 0.0
        var optimizer = 0.0
    }

    private(set) var statistics = PreferenceStatistics()
    private(set) var gradientNorm = 0.0
    private(set) var learningRate = 0.0
    private(set) var tokensComputed = 0
    private(set) var tokensUnshared = 0
    private(set) var seconds = Seconds()
    private var flops = 0.0
    private var steps = 0
    private var imbalance = 0.0

    /// Nothing yet.
    init() {}

    init(
        statistics: PreferenceStatistics,
        gradientNorm: Double,
        learningRate: Double,
        plan: StepPlan,
        seconds: Seconds
    ) {
        self.statistics = statistics
        self.gradientNorm = gradientNorm
        self.learningRate = learningRate
        self.seconds = seconds
        tokensComputed = plan.work.tokens
        tokensUnshared = plan.unsharedTokens
        flops = 3 * plan.flops
        imbalance = plan.imbalance
        steps = 1
    }

    var pairs: Int { Int(statistics[.pairs]) }

    /// Adds a later step; norm and rate are the last ones.
    mutating func add(_ other: StepReport) {
        statistics = PreferenceStatistics(sums: zip(statistics.sums, other.statistics.sums).map(+))
        gradientNorm = other.gradientNorm
        learningRate = other.learningRate
        tokensComputed += other.tokensComputed
        tokensUnshared += other.tokensUnshared
        flops += other.flops
        imbalance += other.imbalance
        steps += other.steps
        for field in [
            \Seconds.total, \.forward, \.backward, \.head, \.waiting, \.communication, \.optimizer,
        ] as [WritableKeyPath<Seconds, Double>] {
            seconds[keyPath: field] += other.seconds[keyPath: field]
        }
    }

    /// Useful FLOPs over what all ranks could have done in the time at `peakRate` FLOP/s.
    func utilization(peakRate: Double) -> Double { flops / (seconds.total * peakRate) }

    /// The line of `metrics.jsonl`.
    func record(step: Int, epoch: Double, total: StepReport, sharing: Sharing, peakRate: Double) -> MetricsRecord {
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
        record.add("forward_seconds", seconds.forward)
        record.add("backward_seconds", seconds.backward)
        record.add("head_seconds", seconds.head)
        record.add("waiting_seconds", seconds.waiting)
        record.add("communication_seconds", seconds.communication)
        record.add("optimizer_seconds", seconds.optimizer)
        record.add("imbalance", imbalance / Double(max(steps, 1)))
        return record
    }

    /// What the progress line says.
    func details(step: Int, of totalSteps: Int, pairsPerSecond: Double) -> String {
        let loss = rounded(statistics.mean(.loss), 4)
        let accuracy = rounded(statistics.mean(.accuracy), 2)
        return "step \(step)/\(totalSteps)  loss \(loss)  accuracy \(accuracy)  \(rounded(pairsPerSecond, 2)) pairs/s"
    }
}
