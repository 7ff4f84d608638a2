package import Objectives
package import Preferences
internal import Transformer

/// Converts a packed sequence's scores into the input of an objective.
package struct PairScoring {
    package let objective: Objective
    package let pairing: Pairing
    let rounding: LogpRounding
    private let reference: ReferenceLogps?

    /// - Parameters:
    ///   - reference: Nil if the model is its own reference, so that every log-ratio is 0; ignored by an objective
    ///     without reference.
    ///   - layers: Of the model, which determine the rounding of log-probabilities.
    package init(objective: Objective, pairing: Pairing, reference: ReferenceLogps?, layers: Int) {
        self.objective = objective
        self.pairing = pairing
        rounding = LogpRounding(layers: layers)
        self.reference = objective.usesReference ? reference : nil
    }

    /// The log-probabilities of an example's responses under both models, and the pairs to compare.
    func logps(
        of example: PackedSequence.ExampleSlice,
        in row: PackedSequence,
        scores: SequenceScores,
        matching: TransportMatching? = nil,
        firstPair: Int = 0
    ) -> RankedLogps {
        let responses = row.responses[example.responses]
        let pairs = pairing.pairs(ranks: responses.map(\.rank))
        return RankedLogps(
            responses: responses.map { response in
                let policy = scores.tokenLogps(of: response, in: row).map(Double.init)
                return ResponseLogps(
                    policy: policy,
                    reference: reference?.tokenLogps(ofResponse: response.index).map(Double.init) ?? policy,
                    rank: response.rank,
                    wpoLogWeight: objective.usesWeighting ? scores.wpoLogWeight(of: response, in: row) : 0
                )
            },
            pairs: pairs,
            partners: matching.map { Array($0.partners[firstPair..<firstPair + pairs.count]) } ?? []
        )
    }
}

/// The losses of the examples of a step or an evaluation.
struct StepScoring {
    private let scoring: PairScoring
    private let counts: LossCounts
    private let totals: StepTotals
    private let matching: TransportMatching?

    /// - Parameters:
    ///   - counts: The counts of all examples of the step, over all ranks.
    ///   - matching: The matching of all pairs of the step, in the order of `counts`, if the objective needs it.
    init(_ scoring: PairScoring, counts: LossCounts, matching: TransportMatching? = nil) {
        self.scoring = scoring
        self.counts = counts
        self.matching = matching
        totals = StepTotals(pairs: counts.pairs, examples: counts.examples, bestTokens: counts.bestTokens)
    }

    /// Whether the loss is a mean over pairs whose losses are independent of each other.
    var isMeanOverPairs: Bool { scoring.objective.isMeanOverPairs }

    /// The derivative of the step's loss with respect to each token log-probability of the responses of `examples`, as
    /// `LossGradient` expects it.
    func derivatives(row: PackedSequence, scores: SequenceScores, examples: Range<Int>) -> [Double] {
        row.examples[examples].flatMap { example in
            loss(of: logps(of: example, in: row, scores: scores)).derivatives.flatMap(\.self)
        }
    }

    /// Adds every pair and response of a packed sequence to the statistics.
    func count(_ row: PackedSequence, scores: SequenceScores, into statistics: inout PreferenceStatistics) {
        for example in row.examples { count(example, in: row, scores: scores, into: &statistics) }
    }

    /// Adds every pair and response of an example to the statistics.
    func count(
        _ example: PackedSequence.ExampleSlice,
        in row: PackedSequence,
        scores: SequenceScores,
        into statistics: inout PreferenceStatistics
    ) {
        let logps = logps(of: example, in: row, scores: scores)
        statistics.add(loss: loss(of: logps).value)
        scoring.objective.count(logps, scoring.rounding, into: &statistics)
        for response in row.responses[example.responses] {
            statistics.addResponse(
                tokens: response.labels.count,
                entropy: scores.entropy(of: response, in: row),
                top1: scores.top1Count(of: response, in: row),
                isBest: response.rank == 0
            )
        }
    }

    private func loss(of logps: RankedLogps) -> RankedLoss { scoring.objective.loss(of: logps, totals: totals) }

    private func logps(
        of example: PackedSequence.ExampleSlice,
        in row: PackedSequence,
        scores: SequenceScores
    ) -> RankedLogps {
        let first = counts.firstPairs[example.index] ?? 0
        return scoring.logps(of: example, in: row, scores: scores, matching: matching, firstPair: first)
    }
}
