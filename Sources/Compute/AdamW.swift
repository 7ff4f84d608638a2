internal import CKernels
internal import Glibc

/// AdamW (Loshchilov & Hutter 2019), in the order of operations of `torch.optim.AdamW`.
package struct AdamW: Sendable {
    /// Decay rate of the first moment, in `[0, 1)`.
    package var beta1: Float
    /// Decay rate of the second moment, in `[0, 1)`.
    package var beta2: Float
    /// Added to the square root of the second moment.
    package var epsilon: Float

    /// An optimizer with settings that hold for a whole run.
    package init(beta1: Float, beta2: Float, epsilon: Float) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    /// Updates parameters in place.
    ///
    /// - Parameters:
    ///   - step: The optimizer step, counted from 1.
    ///   - learningRate: The learning rate of this step.
    ///   - weightDecay: Decoupled weight decay, multiplied by the learning rate.
    ///   - gradientScale: Factor applied to the gradient before use: the clipping coefficient, or 1.
    ///   - parameters: `[1, n]`, updated.
    ///   - gradient: `[1, n]`.
    ///   - first: `[1, n]`, the first moment, updated.
    ///   - second: `[1, n]`, the second moment, updated.
    package func update(
        step: Int,
        learningRate: Double,
        weightDecay: Float,
        gradientScale: Float,
        parameters: Matrix,
        gradient: Matrix,
        first: Matrix,
        second: Matrix
    ) {
        let count = parameters.columns
        precondition(
            [parameters, gradient, first, second].allSatisfy { $0.rows == 1 && $0.columns == count },
            "[1, n]"
        )
        precondition(step >= 1, "steps are counted from 1")
        var settings = ek_adamw_settings(
            learning_rate: Float(learningRate),
            weight_decay: weightDecay,
            beta1: beta1,
            beta2: beta2,
            epsilon: epsilon,
            first_correction: Float(1 - pow(Double(beta1), Double(step))),
            second_correction_root: Float((1 - pow(Double(beta2), Double(step))).squareRoot()),
            gradient_scale: gradientScale
        )
        recorded(.update, elements: 7 * count) {
            ek_adamw(parameters.base, gradient.base, first.base, second.base, count, &settings)
        }
    }
}

extension Kernels {
    /// The sum of squares of all elements, accumulated in double, row by row.
    package static func sumOfSquares(_ x: Matrix) -> Double {
        var sum = 0.0
        recorded(.update, elements: x.rows * x.columns) {
            sum = (0..<x.rows).reduce(0) { $0 + ek_sum_of_squares(x.base + $1 * x.stride, x.columns) }
        }
        return sum
    }

    /// The sum of squares of each block of `unit` elements, accumulated in double; the last block may be shorter.
    package static func sumsOfSquares(_ x: Matrix, unit: Int) -> [Double] {
        precondition(x.rows == 1 && unit > 0, "[1, n]")
        var sums: [Double] = []
        recorded(.update, elements: x.columns) {
            sums = Swift.stride(from: 0, to: x.columns, by: unit).map { start in
                ek_sum_of_squares(x.base + start, min(unit, x.columns - start))
            }
        }
        return sums
    }
}
