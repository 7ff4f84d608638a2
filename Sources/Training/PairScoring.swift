internal import Objectives
internal import Preferences
internal import Transformer

/// Turns a row's scores into pairs, their losses and what the metrics count.
///
/// The responses of an example are ranked best first; each that ranks below the first makes a pair with it.
struct PairScoring {
    let objective: any PairObjective
    let beta: Double
    /// Nil where the model is its own reference: every reward is 0.
    let reference: ReferenceLogps?

    /// The pair that each response of an example but the first makes with it; nil for those that tie with it.
    private func pairs(of example: PackedRow.ExampleSlice, in row: PackedRow, scores: RowScores) -> [PairLogps?] {
        let responses = row.responses[example.responses]
        guard let best = responses.first else { return [] }
        let chosen = scores.logp(of: best, in: row)
        return responses.dropFirst().map { other in
            guard other.rank > best.rank else { return nil }
            let rejected = scores.logp(of: other, in: row)
            return PairLogps(
                chosen: chosen,
                rejected: rejected,
                referenceChosen: referenceLogp(best, policy: chosen),
                referenceRejected: referenceLogp(other, policy: rejected),
                chosenCount: best.targets.count,
                rejectedCount: other.targets.count
            )
        }
    }

    private func referenceLogp(_ response: PackedRow.ResponseSlice, policy: Double) -> Double {
        reference?.logp(ofResponse: response.index) ?? policy
    }

    /// The derivative of the mean loss over `pairCount` pairs for each response of `examples`, as `LossGradient` wants it.
    func derivatives(row: PackedRow, scores: RowScores, examples: Range<Int>, pairCount: Int) -> [Double] {
        row.examples[examples].flatMap { example in
            let losses = pairs(of: example, in: row, scores: scores).map { $0.map(objective.loss) }
            let best = losses.reduce(0) { $0 + ($1?.chosenDerivative ?? 0) }
            return ([best] + losses.map { $0?.rejectedDerivative ?? 0 }).map { $0 / Double(pairCount) }
        }
    }

    /// Counts every pair and response of a row.
    func count(_ row: PackedRow, scores: RowScores, into statistics: inout PreferenceStatistics) {
        for example in row.examples {
            for case let pair? in pairs(of: example, in: row, scores: scores) {
                statistics.add(pair, loss: objective.loss(of: pair), beta: beta)
            }
            for (rank, response) in row.responses[example.responses].enumerated() {
                statistics.addResponse(
                    tokens: response.targets.count,
                    entropy: scores.entropy(of: response, in: row),
                    top1: scores.top1Count(of: response, in: row),
                    isChosen: rank == 0
                )
            }
        }
    }
}
