/// The one-dimensional optimal transport between the pairs of a step: values matched by their rank when sorted.
package struct TransportMatching: Sendable {
    /// The values that are matched to one pair.
    package struct Partners: Sendable, Equatable {
        /// The reference model's margin of the same rank as the pair's policy margin, in nats.
        var referenceMargin: Double
        /// The rejected log-ratio of the same rank as the pair's chosen log-ratio, in nats.
        var rejectedLogRatio: Double
        /// The chosen log-ratio of the same rank as the pair's rejected log-ratio, in nats.
        var chosenLogRatio: Double
    }

    /// The matched values of each pair, in the order of the pairs.
    package let partners: [Partners]

    /// Matches all pairs of a step; ties are broken by the order of the pairs.
    package init(_ pairs: [PairLogps]) {
        let referenceMargins = pairs.map { $0.referenceChosen - $0.referenceRejected }
        let (chosen, rejected) = (pairs.map(\.chosenLogRatio), pairs.map(\.rejectedLogRatio))
        let margins = Self.matched(referenceMargins, to: pairs.map { $0.chosen - $0.rejected })
        let matches = (rejected: Self.matched(rejected, to: chosen), chosen: Self.matched(chosen, to: rejected))
        partners = pairs.indices.map {
            Partners(
                referenceMargin: margins[$0],
                rejectedLogRatio: matches.rejected[$0],
                chosenLogRatio: matches.chosen[$0]
            )
        }
    }

    /// For each of `others`, the one of `values` that has the same rank.
    private static func matched(_ values: [Double], to others: [Double]) -> [Double] {
        let sorted = order(of: values).map { values[$0] }
        var result = values
        for (rank, index) in order(of: others).enumerated() { result[index] = sorted[rank] }
        return result
    }

    private static func order(of values: [Double]) -> [Int] {
        values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    }
}

/// Alignment via optimal transport (AOT) between the empirical distributions of a whole step.
///
/// Melnyk et al. 2024, "Distributional Preference Alignment of LLMs via Optimal Transport".
struct OptimalTransportObjective: Sendable {
    let beta: Double
    let labelSmoothing: Double
    /// Whether the margins of pairs are sorted, or chosen and rejected log-ratios separately.
    let isPaired: Bool

    /// The contribution of one pair: contributions, and their derivatives, add up to those of the step's loss.
    func loss(of pair: PairLogps, matching partners: TransportMatching.Partners) -> PairLoss {
        if isPaired {
            let loss = logistic(pair.chosen - pair.rejected - partners.referenceMargin)
            let derivative = beta * loss.slope
            return PairLoss(value: loss.value, chosenDerivative: derivative, rejectedDerivative: -derivative)
        }
        // The rejected response is in the difference that counts for the pair of the matched chosen response.
        let loss = logistic(pair.chosenLogRatio - partners.rejectedLogRatio)
        let matched = logistic(partners.chosenLogRatio - pair.rejectedLogRatio)
        return PairLoss(
            value: loss.value,
            chosenDerivative: beta * loss.slope,
            rejectedDerivative: -beta * matched.slope
        )
    }

    private func logistic(_ difference: Double) -> ValueAndSlope {
        .logistic(beta * difference, smoothing: labelSmoothing)
    }
}

extension LossType {
    /// `-(1 - ε) log σ(βδ) - ε log σ(-βδ)`, `δ = sort(l_c - l_r) - sort(ref_c - ref_r)` over the whole step.
    static let aot = transport("aot", isPaired: true)
    /// The same with `δ = sort(L_c) - sort(L_r)`.
    static let aotUnpaired = transport("aot_unpaired", isPaired: false)

    private static func transport(_ name: String, isPaired: Bool) -> LossType {
        LossType(name, takes: [.labelSmoothing, .tailWeight]) { settings in
            let smoothing = settings.labelSmoothing
            return [
                .init(
                    .transport(
                        OptimalTransportObjective(beta: settings.beta, labelSmoothing: smoothing, isPaired: isPaired)
                    )
                )
            ]
        }
    }
}
