internal import Compute
internal import Formats
internal import Foundation
package import Preferences
package import Transformer

/// The difference between two computations of the same responses.
package struct EquivalenceDifference: Sendable, Equatable {
    /// `‖a - b‖ / ‖a‖` over the log-probabilities of all response tokens.
    package let logps: Double
    /// `‖a - b‖ / ‖a‖` over the gradients of all weights.
    package let gradients: Double
    /// The difference that rounding explains.
    package let tolerance: Double
}

/// Computes the same responses in two packed sequences, forward and backward, and compares the results.
package struct EquivalenceCheck {
    private let policy: Policy
    private let model: ForestModel
    private let gradients: ParameterBuffer

    /// A check in these buffers, which it overwrites.
    package init(policy: Policy, model: ForestModel, gradients: ParameterBuffer) {
        (self.policy, self.model, self.gradients) = (policy, model, gradients)
    }

    /// Compares two packed sequences with the same responses in the same order.
    ///
    /// The gradients are those of `Σ logp(response k) / (k + 1)`: all responses count, with different weights,
    /// independent of the objective. Those of the second sequence are subtracted in place, so that one buffer suffices.
    ///
    /// - Parameter weights: The weights for the second sequence, if not the policy's.
    package func difference(
        between first: PackedSequence,
        and second: PackedSequence,
        weights: ParameterBuffer? = nil
    ) -> EquivalenceDifference {
        gradients.clear(team: policy.team)
        let a = accumulate(first, policy.weights, sign: 1)
        let size = gradients.norm(team: policy.team)
        let b = accumulate(second, weights ?? policy.weights, sign: -1)
        precondition(a.count == b.count, "the same responses")
        let (differences, squares) = zip(a, b).reduce((0.0, 0.0)) { sums, pair in
            let (x, y) = (Double(pair.0), Double(pair.1))
            return (sums.0 + (x - y) * (x - y), sums.1 + x * x)
        }
        return EquivalenceDifference(
            logps: (differences / squares).squareRoot(),
            gradients: gradients.norm(team: policy.team) / size,
            tolerance: tolerance
        )
    }

    /// Adds a packed sequence's gradients, and returns the log-probability of each token of its responses.
    private func accumulate(_ row: PackedSequence, _ weights: ParameterBuffer, sign: Double) -> [Float] {
        let parameters = policy.parameters(weights: weights, gradients: gradients)
        let scores = model.accumulateGradients(row, parameters: parameters) { _, examples in
            row.examples[examples].flatMap { example in
                row.responses[example.responses].enumerated().flatMap { index, response in
                    Array(repeating: sign / Double(index + 1), count: response.labels.count)
                }
            }
        }
        return row.responses.flatMap { scores.tokenLogps(of: $0, in: row) }
    }

    /// With products in float32 `32 ε` for each layer and one for the head, where `ε = 2⁻²³` is the spacing at 1: a layer
    /// sums in another order if a token has another index in the packed sequence, which gives an error of some `ε`; at worst
    /// the errors of all layers add up.
    ///
    /// With operands in bfloat16, where `ε = 2⁻⁸`, such an error makes some of them round the other way, which changes others in
    /// the next layer, until all are rounded anew. The sums of a product average these errors, of `ε / 4` each, and those of the
    /// layers are independent: `2 ε √(N + 1)`, four to ten times what was measured.
    private var tolerance: Double {
        let layers = Double(policy.architecture.layerCount + 1)
        guard policy.products.roundsOperands else { return 32 * Double(Float.ulpOfOne) * layers }
        return 0x1p-7 * layers.squareRoot()
    }
}

/// Formats a small number with two digits.
func short(_ value: Double) -> String { String(format: "%.1e", value) }
