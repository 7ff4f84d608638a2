internal import Collectives
internal import Compute
internal import Configuration
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Transformer

extension RunPreparation {
    /// Measures the peak rates of all ranks together; collective.
    mutating func measurePeakRate(team: ThreadTeam, communicator: any Communicator) throws {
        peakRate = try PeakRate.measure(
            team: team,
            products: products?.products ?? .float32,
            communicator: communicator
        )
    }

    /// Runs the self-check, if one is configured; collective.
    ///
    /// - Throws: `RankFailure` on every rank if any rank finds a difference beyond rounding.
    mutating func runSelfCheck(_ check: EquivalenceCheck, communicator: any Communicator) throws {
        let start = ContinuousClock().now
        Progress.enter("self-check")
        selfCheckDifference = try selfCheck?.run(check, communicator: communicator)
        selfCheckSeconds = (ContinuousClock().now - start) / .seconds(1)
    }

    /// Reads the reference log-probabilities from the caches, and computes missing ones; collective.
    ///
    /// - Parameters:
    ///   - policy: The policy with its initial weights, which is the reference model.
    ///   - isUsed: Whether the objective reads a reference; without it nothing is computed.
    ///   - begin: Called on every rank once no cache is of another model or other data, before anything is computed.
    /// - Returns: The log-probabilities of the examples that steps take, and of all held-out ones if there are any.
    mutating func computeReference(
        _ configuration: TrainingConfiguration,
        policy: Policy,
        model: ForestModel,
        isUsed: Bool,
        communicator: any Communicator,
        begin: () throws -> Void
    ) throws -> (training: ReferenceLogps, heldOut: ReferenceLogps?) {
        let start = ContinuousClock().now
        Progress.enter("reference")
        func source(_ planner: Planner, _ cache: FilePath?, of name: String) -> ReferenceSource {
            let pass = ScoringPass(
                policy: policy,
                planner: planner,
                isInitial: true,
                dataName: name,
                communicator: communicator
            )
            return ReferenceSource(pass: pass, cache: cache)
        }
        var first = source(planner, configuration.referenceCache.map { FilePath($0) }, of: "the data")
        var second = heldOut.map { source($0, configuration.heldOutReferenceCache, of: "the eval data") }
        try first.check()
        try second?.check()
        try communicator.agree(begin)
        let training = try first.logps(rows: isUsed ? visited : [], model: model)
        let all = heldOut.map { Array(0..<$0.dataset.count) } ?? []
        let others = try second?.logps(rows: isUsed ? all : [], model: model)
        referenceRows = first.computedExamples + (second?.computedExamples ?? 0)
        referenceSeconds = (ContinuousClock().now - start) / .seconds(1)
        return (training, others)
    }

    /// Records the end of the preparation.
    mutating func finish() {
        startupSeconds = Processor.secondsSinceStart - referenceSeconds - selfCheckSeconds
    }

    /// Adds the figures of the preparation to `summary.json`.
    func addSummary(to summary: inout MetricsRecord) {
        products?.addSummary(to: &summary)
        summary.add("startup_seconds", startupSeconds)
        summary.add("self_check_seconds", selfCheckSeconds)
        if let selfCheckDifference { summary.add("self_check_difference", selfCheckDifference) }
        summary.add("reference_rows", referenceRows)
        summary.add("reference_seconds", referenceSeconds)
    }
}
