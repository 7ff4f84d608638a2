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
