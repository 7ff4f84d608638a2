/// The rounding error of log-probabilities, within which two values count as equal.
///
/// A token's log-probability `l` of a model of `N` layers is computed in float32; another packed sequence, sharing mode or
/// number of ranks sums in another order, in each layer and in the head. The standard error of this is estimated as
/// `ε (N + 1) (1 + |l|)`, `ε = 2⁻²³`. Errors of different tokens are independent, so that the sum `l(y)` over the `n`
/// tokens of a response has the standard error
///
/// `u(y) = ε (N + 1) (n + |l(y)|) / √n`.
///
/// Those of several sums add as the root of the sum of their squares, and a difference within `standardErrors` of them is
/// rounding. Measured over models of 1 to 30 layers with random weights, up to 17 nats per token, and responses of 1 to
/// 400 random or repeated tokens, the differences between packings had 0.8 `u` as root mean square and 2.9 `u` at most,
/// independent of `n`.
package struct LogpRounding: Sendable, Equatable {
    /// The number of standard errors within which a difference is rounding: more than twice the largest measured one,
    /// whose distribution has heavier tails than the normal one.
    private static let standardErrors = 8.0

    /// `ε (N + 1)`.
    private let unit: Double

    /// The rounding of a model of this number of layers.
    package init(layers: Int) { unit = Double(Float.ulpOfOne) * Double(layers + 1) }

    /// The standard error of a log-probability, summed over `count` tokens.
    private func error(_ logp: Double, count: Int) -> Double {
        unit * (Double(count) + abs(logp)) / Double(count).squareRoot()
    }

    /// The tolerance for the difference between a pair's log-probabilities under the policy.
    func logpTolerance(of pair: PairLogps) -> Double {
        Self.tolerance([error(pair.chosen, count: pair.chosenCount), error(pair.rejected, count: pair.rejectedCount)])
    }

    /// The tolerance for the difference between a pair's log-ratios.
    func logRatioTolerance(of pair: PairLogps) -> Double {
        Self.tolerance([
            error(pair.chosen, count: pair.chosenCount), error(pair.rejected, count: pair.rejectedCount),
            error(pair.referenceChosen, count: pair.chosenCount),
            error(pair.referenceRejected, count: pair.rejectedCount),
        ])
    }

    /// The tolerance for the difference between a pair's log-probabilities per token under the policy.
    func meanLogpTolerance(of pair: PairLogps) -> Double {
        Self.tolerance([
            error(pair.chosen, count: pair.chosenCount) / Double(pair.chosenCount),
            error(pair.rejected, count: pair.rejectedCount) / Double(pair.rejectedCount),
        ])
    }

    private static func tolerance(_ errors: [Double]) -> Double {
        standardErrors * errors.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}
