internal import Configuration
internal import Formats
internal import Preferences
internal import Reporting
internal import Training
internal import Transformer

/// The examples of one step, and their plans in each sharing mode.
struct BenchmarkTrial {
    /// The step in one sharing mode.
    struct Variant {
        let sharing: BenchmarkSharing
        let planner: Planner
        /// The examples of the step, in the planner's dataset.
        let rows: [Int]

        /// The step's plan.
        var plan: StepPlan { planner.plan(examples: rows) }
        /// An upper bound of the tokens of a packed sequence.
        var maximumPackedTokens: Int { planner.maximumPackedTokens(of: rows) }
    }

    let source: BenchmarkSource
    let dataset: PreferenceDataset
    let variants: [Variant]
    /// FLOPs of the step's forward pass without sharing.
    private let plainFLOPs: Double

    /// Reads or draws the examples of `source`, and plans the step in each sharing mode.
    static func plan(
        _ source: BenchmarkSource,
        for model: Architecture,
        adapter: Adapter? = nil,
        _ settings: Benchmark.Settings,
        ranks: Int
    ) throws -> BenchmarkTrial {
        let dataset = try source.dataset(for: model, settings, ranks: ranks)
        let shards = try settings.training.communication.shardCount(ranks: ranks)
        var cursor = BatchSampler(dataset, settings.training)
        let rows = cursor.next()
        func variant(_ sharing: BenchmarkSharing) throws -> Variant {
            var configuration = settings.training
            configuration.sharing = sharing.mode
            guard sharing == .pairs else {
                let planner = Planner(dataset, configuration, model: model, adapter: adapter, shards: shards)
                return Variant(sharing: sharing, planner: planner, rows: rows)
            }
            let pairs = try PreferenceDataset(pairsOf: dataset, examples: rows, pairing: configuration.pairs)
            let planner = Planner(pairs, configuration, model: model, adapter: adapter, shards: shards)
            return Variant(sharing: sharing, planner: planner, rows: Array(0..<pairs.count))
        }
        return BenchmarkTrial(
            source: source,
            dataset: dataset,
            variants: try settings.sharing.map(variant),
            plainFLOPs: try variant(.none).plan.flops
        )
    }

    /// The most tokens of a packed sequence, in any sharing mode.
    var maximumPackedTokens: Int { variants.map(\.maximumPackedTokens).max() ?? 0 }

    /// An empty series of measurements.
    ///
    /// - Parameters:
    ///   - packed: The most tokens of a packed sequence, and the bytes of activations that they need.
    ///   - profile: The profile of their phases; nil for none.
    func series(of variant: Variant, packed: (tokens: Int, bytes: Int), profile: StepProfile?) -> BenchmarkSeries {
        BenchmarkSeries(
            source: source,
            sharing: variant.sharing,
            flopRatio: plainFLOPs / variant.plan.flops,
            packed: packed,
            profile: profile
        )
    }
}

/// The timed steps of one source in one sharing mode.
struct BenchmarkSeries {
    let source: BenchmarkSource
    let sharing: BenchmarkSharing
    /// FLOPs of the step without sharing over those with it.
    let flopRatio: Double
    /// The most tokens of a packed sequence, and the bytes of activations that they need.
    let packed: (tokens: Int, bytes: Int)
    /// The profile of their phases; nil for none.
    let profile: StepProfile?
    private(set) var reports: [StepReport] = []
    /// Useful FLOPs of each step over those at the peak rate of the same turn.
    private(set) var utilizations: [Double] = []
    /// The largest resident memory of a rank so far.
    var peakBytes = 0

    /// The gain over other steps of the same turns.
    func gain(over other: BenchmarkSeries) -> BenchmarkGain {
        BenchmarkGain(
            speedup: SummaryStatistics(zip(other.reports, reports).map { $0.seconds.total / $1.seconds.total }),
            flopRatio: other.reports[0].usefulFLOPs / reports[0].usefulFLOPs
        )
    }

    /// Adds a step, and the peak rate at the time.
    mutating func add(_ report: StepReport, peakRate: Double) {
        reports.append(report)
        utilizations.append(report.utilization(peakRate: peakRate))
    }
}
