package import Collectives
internal import Compute
internal import Objectives
package import Preferences
internal import Reporting
package import Transformer

/// Scores examples with one model, distributed over ranks; every rank receives all results.
package struct ScoringPass {
    /// Examples planned together: enough to balance and pack well, few enough to hold their trees in memory.
    private static let chunkSize = 1024

    let policy: Policy
    let planner: Planner
    /// Whether the policy is the initial one; see `Policy.initialParameters`.
    private let isInitial: Bool
    /// The name of the data in errors.
    private let dataName: String
    let communicator: any Communicator

    /// A pass of `policy` over examples that `planner` plans.
    package init(
        policy: Policy,
        planner: Planner,
        isInitial: Bool = false,
        dataName: String = "the data",
        communicator: any Communicator
    ) {
        self.policy = policy
        self.planner = planner
        (self.isInitial, self.dataName) = (isInitial, dataName)
        self.communicator = communicator
    }

    /// Computes the log-probability of every response token of `rows`, in the order of the dataset's `responseIDs`, in
    /// nats; collective.
    ///
    /// - Parameters:
    ///   - title: The title of the progress line.
    ///   - body: Receives each packed sequence of this rank with its scores.
    /// - Returns: The log-probabilities; zero for tokens of other examples and for uncounted tokens.
    /// - Throws: `RankFailure` on every rank if any of them is not finite.
    package func tokenLogps(
        rows: [Int],
        model: ForestModel,
        title: String,
        visiting body: (PackedSequence, SequenceScores) -> Void = { _, _ in }
    ) throws -> [Float] {
        var logps = noLogps
        visit(rows: rows, model: model, title: title) { row, scores in
            take(row, scores, into: &logps)
            body(row, scores)
        }
        // Each token is computed on one rank; the others hold zero.
        var span = logps.mutableSpan
        try communicator.allReduceSum(&span)
        try ExampleLogps.requireFinite(rows, of: dataName) { logps[planner.dataset.tokenRange(of: $0)] }
        return logps
    }

    /// Computes the same log-probabilities, with identical bits, and passes them to `body` chunk by chunk.
    ///
    /// The results can be stored during the pass; each value is sent once. Collective.
    ///
    /// - Parameter body: Receives the examples of a chunk with their tokens, on every rank.
    func forEachChunk(
        rows: [Int],
        model: ForestModel,
        title: String,
        _ body: (ExampleLogps) throws -> Void
    ) throws {
        let progress = ProgressLine(title: title, rank: communicator.rank)
        for chunk in Self.chunks(of: rows) {
            var logps = ExampleLogps(planner.dataset, rows: Array(chunk))
            visit(chunk, of: rows.count, model: model, progress: progress) { logps.add($0, scores: $1) }
            try logps.sum(communicator, of: dataName)
            try body(logps)
        }
        progress.finish()
    }

    private var noLogps: [Float] { Array(repeating: 0, count: planner.dataset.responseIDs.count) }

    private func take(_ row: PackedSequence, _ scores: SequenceScores, into logps: inout [Float]) {
        for response in row.responses {
            let range = planner.dataset.countedRange(response.index)
            logps.replaceSubrange(range, with: scores.tokenLogps(of: response, in: row))
        }
    }

    /// The losses of `rows` taken together; if they depend on each other, a pass over all of them comes first.
    ///
    /// Collective.
    func losses(_ scoring: PairScoring, rows: [Int], model: ForestModel) throws -> StepScoring {
        let counts = planner.counts(of: rows)
        guard scoring.objective.needsMatching else { return StepScoring(scoring, counts: counts) }
        var pairs = PairCollection(scoring, counts: counts)
        visit(rows: rows, model: model, title: "sort") { pairs.add($0, scores: $1) }
        return StepScoring(scoring, counts: counts, matching: try pairs.matched(communicator))
    }

    /// Scores this rank's part of `rows`, one packed sequence after the other.
    func visit(rows: [Int], model: ForestModel, title: String, _ body: (PackedSequence, SequenceScores) -> Void) {
        let progress = ProgressLine(title: title, rank: communicator.rank)
        for chunk in Self.chunks(of: rows) {
            visit(chunk, of: rows.count, model: model, progress: progress, body)
        }
        progress.finish()
    }

    private static func chunks(of rows: [Int]) -> [ArraySlice<Int>] {
        stride(from: 0, to: rows.count, by: chunkSize).map { rows[$0..<min($0 + chunkSize, rows.count)] }
    }

    /// Scores this rank's part of a chunk of a pass over `count` examples.
    private func visit(
        _ chunk: ArraySlice<Int>,
        of count: Int,
        model: ForestModel,
        progress: ProgressLine,
        _ body: (PackedSequence, SequenceScores) -> Void
    ) {
        let plan = planner.plan(examples: Array(chunk))
        let packed = communicator.ownShards(of: planner.shards).flatMap(plan.packedSequences(shard:))
        let parameters = isInitial ? policy.initialParameters() : policy.parameters()
        for (index, row) in packed.enumerated() {
            body(row, model.score(row, parameters: parameters))
            Progress.move()
            let done = Double(chunk.startIndex) + Double(chunk.count) * Double(index + 1) / Double(packed.count)
            let fraction = done / Double(count)
            progress.show(fraction, details: "\(count) example\(count == 1 ? "" : "s")", isMilestone: fraction == 1)
        }
    }
}
