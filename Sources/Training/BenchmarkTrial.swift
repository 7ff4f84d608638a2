internal import Formats
internal import Preferences

/// The rows of one step, and a planner for each way of sharing.
struct BenchmarkTrial {
    let source: BenchmarkSource
    let dataset: PreferenceDataset
    /// Of the dataset: what the first step of a run takes.
    let rows: [Int]
    let planners: [Planner]
    /// FLOPs of the step's forward pass where nothing is shared.
    private let plainFLOPs: Double

    init(_ source: BenchmarkSource, for model: ModelConfiguration, _ settings: Benchmark.Settings, ranks: Int) throws {
        let dataset = try source.dataset(for: model, settings, ranks: ranks)
        func planner(_ sharing: Sharing) -> Planner {
            var configuration = settings.training
            configuration.sharing = sharing
            return Planner(dataset, configuration, model: model, shards: ranks)
        }
        (self.source, self.dataset) = (source, dataset)
        var cursor = StepCursor(dataset, settings.training)
        rows = cursor.next()
        planners = settings.sharing.map(planner)
        plainFLOPs = planner(.none).plan(rows: rows).flops
    }

    /// The most tokens of a packed row, whichever way of sharing.
    var largestRow: Int { planners.map { $0.largestRow(of: rows) }.max() ?? 0 }

    /// No measurements yet.
    ///
    /// - Parameter profile: Where their phases are recorded, if at all.
    func series(of planner: Planner, profile: StepProfile?) -> BenchmarkSeries {
        BenchmarkSeries(
            source: source,
            sharing: planner.sharing,
            flopRatio: plainFLOPs / planner.plan(rows: rows).flops,
            profile: profile
        )
    }
}

/// The timed steps of one source with one way of sharing.
struct BenchmarkSeries {
    let source: BenchmarkSource
    let sharing: Sharing
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
