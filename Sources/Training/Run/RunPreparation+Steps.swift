internal import Collectives
internal import Compute
internal import Objectives
internal import Reporting
internal import Transformer

/// What a run does between reading and its first step, with the model as it was read: the peak is measured, the self-check
/// made, and what is missing of the reference computed.
struct RunStart {
    /// FLOP/s of all ranks.
    let peakRate: Double
    /// The largest difference that the self-check found; nil where it was not made.
    private let selfCheckDifference: Double?
    private let selfCheckSeconds: Double
    let reference: RunReference
    /// From the start of the process to the first step, reference and self-check left out.
    private let seconds: Double

    /// - Parameters:
    ///   - model: With room for `rows`.
    ///   - gradients: Room for the self-check's.
    /// - Throws: `RankFailure` on every rank where any rank failed.
    init(
        _ configuration: TrainingConfiguration,
        policy: Policy,
        rows: TrainingRows,
        model: ForestModel,
        gradients: Gradients,
        objective: Objective,
        communicator: any Communicator
    ) throws {
        peakRate = try PeakRate.measure(team: policy.team, communicator: communicator)
        let start = ContinuousClock().now
        Progress.enter("self-check")
        let ways = WayComparison(policy: policy, model: model, gradients: gradients)
        selfCheckDifference = try rows.selfCheck?.run(ways, communicator: communicator)
        selfCheckSeconds = (ContinuousClock().now - start) / .seconds(1)
        Progress.enter("reference")
        reference = try RunReference(
            configuration,
            policy: policy,
            rows: rows,
            model: model,
            isUsed: objective.usesReference,
            communicator: communicator
        )
        seconds = Processor.secondsSinceStart - reference.seconds - selfCheckSeconds
    }

    /// Adds what `summary.json` tells of the start of this process.
    func addSummary(to summary: inout MetricsRecord) {
        summary.add("startup_seconds", seconds)
        summary.add("self_check_seconds", selfCheckSeconds)
        if let selfCheckDifference { summary.add("self_check_difference", selfCheckDifference) }
        summary.add("reference_rows", reference.computedRows)
        summary.add("reference_seconds", reference.seconds)
    }
}
