internal import CKernels

/// Elementwise kernels over matrices; each runs on the calling thread only.
package enum Kernels {
    /// Computes RMSNorm of each row: `y = x * rstd(x) * weight`, `rstd = 1 / sqrt(mean(x^2) + epsilon)`.
    ///
    /// - Parameters:
    ///   - x: `[T, D]`.
    ///   - weight: `[1, D]`.
    ///   - y: `[T, D]`, overwritten.
    package static func normalize(_ x: Matrix, weight: Matrix, epsilon: Float, into y: Matrix) {
        precondition(x.rows == y.rows && x.columns == y.columns && weight.columns == x.columns, "x and y are [T, D]")
        recorded(.norm, elements: 2 * x.rows * x.columns) {
            ek_rmsnorm_forward(x.base, x.stride, weight.base, epsilon, y.base, y.stride, x.rows, x.columns)
        }
    }

    /// Computes the gradient of `normalize`: `dx = residual + J^T dy`, `dweight += sum over rows of dy * x * rstd(x)`.
    ///
    /// - Parameters:
    ///   - residual: `[T, D]`, the gradient of the residual connection, which bypasses the normalization.
    ///   - dx: `[T, D]`, overwritten; may be `residual`.
    ///   - dweight: `[1, D]`, added to.
    package static func normalizeBackward(
        _ x: Matrix,
        weight: Matrix,
        epsilon: Float,
        dy: Matrix,
        residual: Matrix,
        into dx: Matrix,
        dweight: Matrix
    ) {
        precondition(x.rows == dy.rows && x.rows == dx.rows && x.rows == residual.rows, "one row for each token")
        precondition(
            [dy, dx, residual, weight, dweight].allSatisfy { $0.columns == x.columns },
            "all are as wide as the model"
        )
        recorded(.norm, elements: 4 * x.rows * x.columns) {
            ek_rmsnorm_backward(
                x.base,
                x.stride,
                weight.base,
                epsilon,
                dy.base,
                dy.stride,
                residual.base,
                residual.stride,
                dx.base,
                dx.stride,
                dweight.base,
                x.rows,
                x.columns
            )
        }
    }

    /// Computes `out = silu(gate) * up`.
    ///
    /// - Parameters:
    ///   - gateUp: `[T, 2F]`, gate first.
    ///   - out: `[T, F]`, overwritten.
    package static func swiglu(_ gateUp: Matrix, into out: Matrix) {
        precondition(gateUp.columns == 2 * out.columns && gateUp.rows == out.rows, "gateUp is [T, 2F], out is [T, F]")
        recorded(.swiglu, elements: 3 * out.rows * out.columns) {
            ek_swiglu_forward(gateUp.base, gateUp.stride, out.base, out.stride, out.rows, out.columns)
        }
    }

    /// Replaces `gateUp` `[T, 2F]` with its gradient, given `dout` `[T, F]`.
    package static func swigluBackward(_ gateUp: Matrix, dout: Matrix) {
        precondition(gateUp.columns == 2 * dout.columns && gateUp.rows == dout.rows, "gateUp is [T, 2F], dout [T, F]")
        recorded(.swiglu, elements: 5 * dout.rows * dout.columns) {
            ek_swiglu_backward(gateUp.base, gateUp.stride, dout.base, dout.stride, dout.rows, dout.columns)
        }
    }
}
