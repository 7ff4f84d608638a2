/// Summed log-probabilities of a preferred and a dispreferred response to one prompt.
package struct PairLogps: Sendable, Equatable {
    /// `log π(chosen | prompt)` of the policy, in nats, at most 0.
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
}

/// A loss that is a sum of independent losses of pairs.
///
/// A pure function: no state, no randomness, no knowledge of rows, ranks or batches. The caller divides by the number
/// of pairs of the step.
package protocol PairObjective: Sendable {
    /// Whether the reference model's log-probabilities enter the loss.
    var usesReference: Bool { get }

    /// The loss of one pair.
    func loss(of pair: PairLogps) -> PairLoss
}
