internal import Objectives

extension PairLogps {
    /// A pair whose responses have five and seven tokens.
    init(_ chosen: Double, _ rejected: Double, reference: (chosen: Double, rejected: Double)) {
        self.init(
            chosen: chosen,
            rejected: rejected,
            referenceChosen: reference.chosen,
            referenceRejected: reference.rejected,
            chosenCount: 5,
            rejectedCount: 7
        )
    }

    /// A pair whose log-ratios differ by `margin`.
    init(margin: Double) {
        self.init(-20 + margin / 2, -30 - margin / 2, reference: (-20, -30))
    }
}

extension Objective {
    /// The objective with these settings, the others being defaults.
    init(_ lossType: String..., set: (inout ObjectiveSettings) -> Void = { _ in }) throws {
        var settings = ObjectiveSettings()
        settings.lossType = lossType
        set(&settings)
        try self.init(settings)
    }

    /// The loss of a step of this pair only; the first token of each response has its whole log-probability.
    func loss(of pair: PairLogps) -> PairLoss {
        func response(_ logp: Double, _ reference: Double, _ count: Int, rank: Int) -> ResponseLogps {
            let rest = Array(repeating: 0.0, count: count - 1)
            return ResponseLogps(policy: [logp] + rest, reference: [reference] + rest, rank: rank)
        }
        let row = RankedLogps(
            responses: [
                response(pair.chosen, pair.referenceChosen, pair.chosenCount, rank: 0),
                response(pair.rejected, pair.referenceRejected, pair.rejectedCount, rank: 1),
            ],
            pairs: [(0, 1)],
            partners: TransportMatching([pair]).partners
        )
        let loss = loss(of: row, totals: StepTotals(pairs: 1, examples: 1, bestTokens: pair.chosenCount))
        return PairLoss(
            value: loss.value,
            chosenDerivative: loss.derivatives[0][0],
            rejectedDerivative: loss.derivatives[1][0]
        )
    }
}
