internal import Formats
internal import Foundation
package import Preferences
package import Transformer

/// How far two ways of computing the same responses lie apart.
package struct EquivalenceDifference: Sendable, Equatable {
    /// `‖a - b‖ / ‖a‖` over the log-probabilities of all response tokens.
    package let logps: Double
    /// `‖a - b‖ / ‖a‖` over the gradients of all weights.
    package let gradients: Double
    /// What rounding in float32 explains of either.
    package let tolerance: Double
}

/// Computes the same responses in two packed rows, forward and backward, and compares.
package struct EquivalenceCheck {
    private let policy: Policy
    private let model: ForestModel
    private let gradients: Gradients

    /// A comparison in these buffers, which hold nothing afterwards that a step could use.
    package init(policy: Policy, model: ForestModel, gradients: Gradients) {
        (self.policy, self.model, self.gradients) = (policy, model, gradients)
    }

    /// The difference between two rows with the same responses in the same order.
    ///
    /// The gradients are those of `Σ logp(response k) / (k + 1)`: all count, none like another, and whatever the objective
    /// is. The second row's are taken away from the first's where they lie, so that one buffer suffices.
    ///
    /// - Parameter weights: What the second row is computed with, where that is not the policy.
    package func difference(
        between first: PackedRow,
        and second: PackedRow,
        weights: ParameterViews? = nil
    ) -> EquivalenceDifference {
        gradients.clear(team: policy.team)
        let a = accumulate(first, policy.weights, sign: 1)
        let size = gradients.norm(team: policy.team)
        let b = accumulate(second, weights ?? policy.weights, sign: -1)
        precondition(a.count == b.count, "the same responses")
        let (apart, whole) = zip(a, b).reduce((0.0, 0.0)) { sums, pair in
            let (x, y) = (Double(pair.0), Double(pair.1))
            return (sums.0 + (x - y) * (x - y), sums.1 + x * x)
        }
        return EquivalenceDifference(
            logps: (apart / whole).squareRoot(),
            gradients: gradients.norm(team: policy.team) / size,
            tolerance: tolerance
        )
    }

    /// Adds a row's gradients, and gives the log-probability of each token of its responses.
    private func accumulate(_ row: PackedRow, _ weights: ParameterViews, sign: Double) -> [Float] {
        let scores = model.accumulateGradients(row, weights: weights, gradients: gradients.views) { _, examples in
            row.examples[examples].flatMap { example in
                row.responses[example.responses].enumerated().flatMap { index, response in
                    Array(repeating: sign / Double(index + 1), count: response.targets.count)
                }
            }
        }
        return row.responses.flatMap { scores.tokenLogps(of: $0, in: row) }
    }

    /// `32 ε` for each layer and one for the head, `ε = 2⁻²³` being float32's spacing at 1.
    ///
    /// A layer's sums run in another order when a token has another place in a row, and each leaves some `ε`; what the
    /// layers leave adds up at worst.
    private var tolerance: Double {
        32 * Double(Float.ulpOfOne) * Double(policy.configuration.layerCount + 1)
    }
}

/// A small number for people, to two digits.
func short(_ value: Double) -> String { String(format: "%.1e", value) }
