/// What each pair of a step meets when the step's pairs are sorted.
package struct TransportMatching: Sendable {
    /// What one pair meets.
    package struct Partners: Sendable, Equatable {
        /// The reference's margin that has the place among all which the pair's has among the policy's, in nats.
        var referenceMargin: Double
        /// The log-ratio that has the place among the rejected which the pair's has among the chosen, in nats.
        var rejectedLogRatio: Double
        /// The log-ratio that has the place among the chosen which the pair's has among the rejected, in nats.
        var chosenLogRatio: Double
    }

    /// One for each pair, in their order.
    package let partners: [Partners]

    /// Sorts all pairs of a step; equal values keep the order of the pairs.
    package init(_ pairs: [PairLogps]) {
        let referenceMargins = pairs.map { $0.referenceChosen - $0.referenceRejected }
        let (chosen, rejected) = (pairs.map(\.chosenLogRatio), pairs.map(\.rejectedLogRatio))
        let margins = Self.matched(referenceMargins, to: pairs.map { $0.chosen - $0.rejected })
        let met = (rejected: Self.matched(rejected, to: chosen), chosen: Self.matched(chosen, to: rejected))
        partners = pairs.indices.map {
            Partners(
                referenceMargin: margins[$0],
                rejectedLogRatio: met.rejected[$0],
                chosenLogRatio: met.chosen[$0]
            )
        }
    }

    /// For each of `others` the one of `values` that has the same place among its own.
    private static func matched(_ values: [Double], to others: [Double]) -> [Double] {
        let sorted = order(of: values).map { values[$0] }
        var result = values
        for (place, index) in order(of: others).enumerated() { result[index] = sorted[place] }
        return result
    }

    private static func order(of values: [Double]) -> [Int] {
        values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    }
}

/// Alignment via optimal transport, between the distributions that a whole step shows.
///
/// Melnyk et al. 2024, "Distributional Preference Alignment of LLMs via Optimal Transport".
struct AlignmentObjective: Sendable {
    let beta: Double
    let labelSmoothing: Double
    /// Whether margins of pairs are sorted, or the chosen apart from the rejected.
    let isPaired: Bool

    /// One pair's part of the loss: the parts of all pairs add up to the whole, and so do its derivatives.
    func loss(of pair: PairLogps, meeting partners: TransportMatching.Partners) -> PairLoss {
        if isPaired {
            let loss = curve(pair.chosen - pair.rejected - partners.referenceMargin)
            let derivative = beta * loss.slope
            return PairLoss(value: loss.value, chosenDerivative: derivative, rejectedDerivative: -derivative)
        }
        // The rejected response stands in the difference that another pair's chosen one counts.
        let loss = curve(pair.chosenLogRatio - partners.rejectedLogRatio)
        let met = curve(partners.chosenLogRatio - pair.rejectedLogRatio)
        return PairLoss(
            value: loss.value,
            chosenDerivative: beta * loss.slope,
            rejectedDerivative: -beta * met.slope
        )
    }

    private func curve(_ difference: Double) -> Curve { .logistic(beta * difference, smoothing: labelSmoothing) }
}

extension LossType {
    /// `-(1 - ε) log σ(βδ) - ε log σ(-βδ)`, `δ = sort(l_c - l_r) - sort(ref_c - ref_r)` over the whole step.
    static let aot = alignment("aot", isPaired: true)
    /// The same of `δ = sort(L_c) - sort(L_r)`.
    static let aotUnpaired = alignment("aot_unpaired", isPaired: false)

    private static func alignment(_ name: String, isPaired: Bool) -> LossType {
        LossType(name, takes: [.labelSmoothing, .tailWeight]) { settings in
            let smoothing = settings.labelSmoothing
            return [
                .init(
                    .alignment(
                        AlignmentObjective(beta: settings.beta, labelSmoothing: smoothing, isPaired: isPaired)
                    )
                )
            ]
        }
    }
}
