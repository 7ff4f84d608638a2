/// Log-probabilities of a preferred and a dispreferred response to one prompt, each summed over the response's tokens.
package struct PairLogps: Sendable, Equatable {
    /// `log π(chosen | prompt)` of the policy, in nats.
    package var chosen: Double
    /// `log π(rejected | prompt)` of the policy, in nats.
    package var rejected: Double
    /// `log π_ref(chosen | prompt)` of the reference model, in nats.
    package var referenceChosen: Double
    /// `log π_ref(rejected | prompt)` of the reference model, in nats.
    package var referenceRejected: Double
    /// Tokens of the chosen response, at least 1.
    package var chosenCount: Int
    /// Tokens of the rejected response, at least 1.
    package var rejectedCount: Int

    /// A pair's log-probabilities.
    package init(
        chosen: Double,
        rejected: Double,
        referenceChosen: Double,
        referenceRejected: Double,
        chosenCount: Int,
        rejectedCount: Int
    ) {
        precondition(chosenCount > 0 && rejectedCount > 0, "responses are not empty")
        self.chosen = chosen
        self.rejected = rejected
        self.referenceChosen = referenceChosen
        self.referenceRejected = referenceRejected
        self.chosenCount = chosenCount
        self.rejectedCount = rejectedCount
    }

    /// `log π(chosen) - log π_ref(chosen)`.
    package var chosenLogRatio: Double { chosen - referenceChosen }
    /// `log π(rejected) - log π_ref(rejected)`.
    package var rejectedLogRatio: Double { rejected - referenceRejected }
}

/// A pair's loss and its derivatives with respect to the policy's summed log-probabilities.
package struct PairLoss: Sendable, Equatable {
    /// In nats.
    package var value: Double
    /// `d value / d chosen`.
    package var chosenDerivative: Double
    /// `d value / d rejected`.
    package var rejectedDerivative: Double

    /// A loss and its derivatives.
    package init(value: Double, chosenDerivative: Double, rejectedDerivative: Double) {
        self.value = value
        self.chosenDerivative = chosenDerivative
        self.rejectedDerivative = rejectedDerivative
    }

    /// A loss of 0.
    static let zero = PairLoss(value: 0, chosenDerivative: 0, rejectedDerivative: 0)

    static func + (a: PairLoss, b: PairLoss) -> PairLoss {
        PairLoss(
            value: a.value + b.value,
            chosenDerivative: a.chosenDerivative + b.chosenDerivative,
            rejectedDerivative: a.rejectedDerivative + b.rejectedDerivative
        )
    }

    static func * (factor: Double, a: PairLoss) -> PairLoss {
        PairLoss(
            value: factor * a.value,
            chosenDerivative: factor * a.chosenDerivative,
            rejectedDerivative: factor * a.rejectedDerivative
        )
    }
}

/// The loss of one pair: a pure function, independent of packed sequences, ranks and batches.
protocol PairObjective: Sendable {
    /// The loss of one pair; a step takes the mean over its pairs.
    func loss(of pair: PairLogps) -> PairLoss
}
