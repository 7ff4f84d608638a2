internal import Formats
internal import Preferences
internal import Training

/// The rows of one step, and how each way of sharing computes them.
struct BenchmarkTrial {
    /// One way of sharing.
    struct Way {
        let sharing: BenchmarkSharing
        let planner: Planner
        /// Of the planner's dataset: the step.
        let rows: [Int]

        /// The step's plan.
        var plan: StepPlan { planner.plan(rows: rows) }
    }

    let source: BenchmarkSource
    let dataset: PreferenceDataset
    let ways: [Way]
    /// FLOPs of the step's forward pass where nothing is shared.
    private let plainFLOPs: Double

    /// Reads or draws the rows of `source`, and plans the step in each sharing mode.
    static func plan(
        _ source: BenchmarkSource,
        for model: ModelConfiguration,
        _ settings: Benchmark.Settings,
        ranks: Int
    ) throws -> BenchmarkTrial {
        let dataset = try source.dataset(for: model, settings, ranks: ranks)
        let shards = try settings.training.communication.shardCount(ranks: ranks)
        var cursor = StepCursor(dataset, settings.training)
        let rows = cursor.next()
        func way(_ sharing: BenchmarkSharing) throws -> Way {
            var configuration = settings.training
            configuration.sharing = sharing.withinRow
            guard sharing == .pairs else {
                let planner = Planner(dataset, configuration, model: model, shards: shards)
                return Way(sharing: sharing, planner: planner, rows: rows)
            }
            let pairs = try PreferenceDataset(pairsOf: dataset, rows: rows, pairing: configuration.pairs)
            let planner = Planner(pairs, configuration, model: model, shards: shards)
            return Way(sharing: sharing, planner: planner, rows: Array(0..<pairs.count))
        }
        return BenchmarkTrial(
            source: source,
            dataset: dataset,
            ways: try settings.sharing.map(way),
            plainFLOPs: try way(.none).plan.flops
        )
    }

    /// The most tokens of a packed row, whichever way of sharing.
    var largestRow: Int { ways.map { $0.planner.largestRow(of: $0.rows) }.max() ?? 0 }

    /// No measurements yet.
    ///
    /// - Parameter profile: Where their phases are recorded, if at all.
    func series(of way: Way, profile: StepProfile?) -> BenchmarkSeries {
        BenchmarkSeries(
            source: source,
            sharing: way.sharing,
            flopRatio: plainFLOPs / way.plan.flops,
            profile: profile
        )
    }
}

/// The timed steps of one source with one way of sharing.
struct BenchmarkSeries {
    let source: BenchmarkSource
    let sharing: BenchmarkSharing
    /// FLOPs of the step without sharing over those with it.
    let flopRatio: Double
    /// Where their phases are recorded, if at all.
    let profile: StepProfile?
    private(set) var reports: [StepReport] = []
    /// Each step's useful FLOPs over those of the peak in the same turn.
    private(set) var utilizations: [Double] = []
    /// The most memory that any rank has held by now.
    var peakBytes = 0

    /// Adds a step, and what the processors could do at the time.
    mutating func add(_ report: StepReport, peakRate: Double) {
        reports.append(report)
        utilizations.append(report.utilization(peakRate: peakRate))
    }
}
