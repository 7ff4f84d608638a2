package import Collectives
internal import Compute
package import Preferences
package import Transformer

/// Scores dataset rows with one model, spread over ranks; every rank receives all results.
package struct ScoringPass {
    /// Rows planned together: enough to divide and pack well, few enough to hold their trees.
    private static let chunkSize = 1024

    let policy: Policy
    let planner: Planner
    let communicator: any Communicator

    /// A pass of `policy` over rows that `planner` divides.
    package init(policy: Policy, planner: Planner, communicator: any Communicator) {
        self.policy = policy
        self.planner = planner
        self.communicator = communicator
    }

    /// Scores this rank's part of `rows`.
    ///
    /// - Parameters:
    ///   - progress: Called after each packed row with the share done on this rank, in `[0, 1]`.
    ///   - body: Receives each packed row with its scores.
    func visit(
        rows: [Int],
        model: ForestModel,
        progress: (Double) -> Void,
        _ body: (PackedRow, RowScores) -> Void
    ) {
        for start in stride(from: 0, to: rows.count, by: Self.chunkSize) {
            let count = min(Self.chunkSize, rows.count - start)
            let packed = planner.plan(rows: Array(rows[start..<start + count])).packedRows(shard: communicator.rank)
            for (index, row) in packed.enumerated() {
                body(row, model.score(row, weights: policy.weights))
                let done = Double(start) + Double(count) * Double(index + 1) / Double(packed.count)
                progress(done / Double(rows.count))
            }
        }
    }

    /// The log-probability of every response token of `rows`, in the order of the dataset's `responseIDs`, in nats.
    ///
    /// - Returns: Zero for tokens of other rows.
    package func tokenLogps(rows: [Int], model: ForestModel, progress: (Double) -> Void) throws -> [Float] {
        let dataset = planner.dataset
        var logps = Array(repeating: Float(0), count: dataset.responseIDs.count)
        visit(rows: rows, model: model, progress: progress) { row, scores in
            for response in row.responses {
                let range = dataset.responseRange(response.index)
                logps.replaceSubrange(range, with: scores.tokenLogps(of: response, in: row))
            }
        }
        // Each token was computed on one rank; the others hold zero.
        var span = logps.mutableSpan
        try communicator.allReduceSum(&span)
        return logps
    }
}
