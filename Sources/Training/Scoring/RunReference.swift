internal import Collectives
internal import Preferences
internal import SystemPackage
internal import Transformer

/// The reference model's log-probabilities for a run: of the rows that its steps take, and of all held-out ones.
struct RunReference {
    let training: ReferenceLogps
    /// Nil where there is no held-out data.
    let heldOut: ReferenceLogps?
    /// Rows that no cache had.
    let computedRows: Int
    let seconds: Double

    /// Takes from the caches what they have and computes the rest; `policy` is as it was read, and so the reference.
    ///
    /// - Parameter isUsed: Whether the objective knows a reference; without it nothing is computed.
    init(
        _ configuration: TrainingConfiguration,
        policy: Policy,
        rows: TrainingRows,
        model: ForestModel,
        isUsed: Bool,
        communicator: any Communicator
    ) throws {
        let start = ContinuousClock().now
        func source(_ planner: Planner, _ cache: FilePath?) -> ReferenceSource {
            let pass = ScoringPass(policy: policy, planner: planner, communicator: communicator)
            return ReferenceSource(pass: pass, cache: cache)
        }
        var first = source(rows.planner, configuration.referenceCache.map { FilePath($0) })
        var second = rows.heldOut.map { source($0, configuration.heldOutReferenceCache) }
        // A foreign cache is told of before hours go into the other.
        try second?.check()
        training = try first.logps(rows: isUsed ? rows.visited : [], model: model)
        let all = rows.heldOut.map { Array(0..<$0.dataset.count) } ?? []
        heldOut = try second?.logps(rows: isUsed ? all : [], model: model)
        computedRows = first.computedRows + (second?.computedRows ?? 0)
        seconds = (ContinuousClock().now - start) / .seconds(1)
    }
}
