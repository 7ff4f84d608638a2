internal import Collectives
internal import Objectives
internal import Preferences
internal import Transformer

/// Gathers the pairs of a step from all ranks, for an objective that sorts them.
struct PairCollection {
    private static let fields: [any WritableKeyPath<PairLogps, Double> & Sendable] = [
        \.chosen, \.rejected, \.referenceChosen, \.referenceRejected,
    ]

    private let scoring: PairScoring
    private let counts: LossCounts
    /// Four numbers for each pair of the step; zero for pairs of other ranks.
    private var values: [Double]

    /// - Parameter counts: The counts of all examples of the step, over all ranks.
    init(_ scoring: PairScoring, counts: LossCounts) {
        (self.scoring, self.counts) = (scoring, counts)
        values = Array(repeating: 0, count: counts.pairs * Self.fields.count)
    }

    /// Adds the pairs of a packed sequence of this rank.
    mutating func add(_ row: PackedSequence, scores: SequenceScores) {
        for example in row.examples {
            let pairs = scoring.objective.pairs(of: scoring.logps(of: example, in: row, scores: scores))
            let first = counts.firstPairs[example.index] ?? 0
            for (index, pair) in pairs.enumerated() {
                for (offset, field) in Self.fields.enumerated() {
                    values[(first + index) * Self.fields.count + offset] = pair[keyPath: field]
                }
            }
        }
    }

    /// The pairs of all ranks, matched; collective.
    func matched(_ communicator: any Communicator) throws -> TransportMatching {
        let all = try communicator.sum(values)
        let pairs = stride(from: 0, to: all.count, by: Self.fields.count).map { start in
            var pair = PairLogps(
                chosen: 0,
                rejected: 0,
                referenceChosen: 0,
                referenceRejected: 0,
                chosenCount: 1,
                rejectedCount: 1
            )
            for (offset, field) in Self.fields.enumerated() { pair[keyPath: field] = all[start + offset] }
            return pair
        }
        return TransportMatching(pairs)
    }
}
