package import Collectives
internal import Compute
internal import Objectives
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

    /// The log-probability of every response token of `rows`, in the order of the dataset's `responseIDs`, in nats.
    ///
    /// - Parameters:
    ///   - title: What the progress line calls the pass.
    ///   - body: Receives each packed row of this rank with its scores.
    /// - Returns: Zero for tokens of other rows and for those that are not counted.
    package func tokenLogps(
        rows: [Int],
        model: ForestModel,
        title: String,
        visiting body: (PackedRow, RowScores) -> Void = { _, _ in }
    ) throws -> [Float] {
        let dataset = planner.dataset
        var logps = Array(repeating: Float(0), count: dataset.responseIDs.count)
        visit(rows: rows, model: model, title: title) { row, scores in
            for response in row.responses {
                let range = dataset.countedRange(response.index)
                logps.replaceSubrange(range, with: scores.tokenLogps(of: response, in: row))
            }
            body(row, scores)
        }
        // Each token was computed on one rank; the others hold zero.
        var span = logps.mutableSpan
        try communicator.allReduceSum(&span)
        return logps
    }

    /// The losses of `rows` taken together; where they depend on each other, after a pass over all of them.
    func losses(_ scoring: PairScoring, rows: [Int], model: ForestModel) throws -> StepScoring {
        let counts = planner.counts(of: rows)
        guard scoring.objective.needsMatching else { return StepScoring(scoring, counts: counts) }
        var pairs = PairCollection(scoring, counts: counts)
        visit(rows: rows, model: model, title: "sort") { pairs.add($0, scores: $1) }
        return StepScoring(scoring, counts: counts, matching: try pairs.matched(communicator))
    }

    /// Scores this rank's part of `rows`, packed row by packed row.
    func visit(rows: [Int], model: ForestModel, title: String, _ body: (PackedRow, RowScores) -> Void) {
        let progress = ProgressLine(title: title, rank: communicator.rank)
        for start in stride(from: 0, to: rows.count, by: Self.chunkSize) {
            let count = min(Self.chunkSize, rows.count - start)
            let packed = planner.plan(rows: Array(rows[start..<start + count])).packedRows(shard: communicator.rank)
            for (index, row) in packed.enumerated() {
                body(row, model.score(row, weights: policy.weights))
                let done = Double(start) + Double(count) * Double(index + 1) / Double(packed.count)
                let fraction = done / Double(rows.count)
                progress.show(fraction, details: "\(rows.count) rows", isMilestone: fraction == 1)
            }
        }
        progress.finish()
    }
}
