internal import CKernels

extension Kernels {
    /// Computes RMSNorm of each row: `y = x * rstd(x) * (offset + weight)`, `rstd = 1 / sqrt(mean(x^2) + epsilon)`.
    ///
    /// - Parameters:
    ///   - x: `[T, D]`.
    ///   - weight: `[1, D]`.
    ///   - offset: Added to the weight: 0, or 1 in Gemma.
    ///   - y: `[T, D]`, overwritten; does not overlap `x`.
    package static func normalize(_ x: Matrix, weight: Matrix, offset: Float = 0, epsilon: Float, into y: Matrix) {
        precondition(x.rows == y.rows && x.columns == y.columns && weight.columns == x.columns, "x and y are [T, D]")
        recorded(.norm, elements: 2 * x.rows * x.columns) {
            ek_rmsnorm_forward(x.base, x.stride, weight.base, offset, epsilon, y.base, y.stride, x.rows, x.columns)
        }
    }

    /// Computes the gradient of `normalize`: `dx = residual + J^T dy`, `dweight += sum over rows of dy * x * rstd(x)`.
    ///
    /// - Parameters:
    ///   - residual: `[T, D]`, the gradient of the residual connection, which bypasses the normalization; nil for zero.
    ///   - dx: `[T, D]`, overwritten; may be `residual` or `dy`, and overlaps nothing else.
    ///   - dweight: `[1, D]`, added to.
    package static func normalizeBackward(
        _ x: Matrix,
        weight: Matrix,
        offset: Float = 0,
        epsilon: Float,
        dy: Matrix,
        residual: Matrix?,
        into dx: Matrix,
        dweight: Matrix
    ) {
        checkNormShapes(x, tokens: [dy, dx, residual], parameters: [weight, dweight])
        recorded(.norm, elements: (residual == nil ? 3 : 4) * x.rows * x.columns) {
            ek_rmsnorm_backward(
                x.base,
                x.stride,
                weight.base,
                offset,
                epsilon,
                dy.base,
                dy.stride,
                residual?.base,
                residual?.stride ?? 0,
                dx.base,
                dx.stride,
                dweight.base,
                x.rows,
                x.columns
            )
        }
    }

    /// Computes LayerNorm of each row: `y = (x - mean(x)) * rstd(x) * weight + bias`,
    /// `rstd = 1 / sqrt(mean((x - mean(x))^2) + epsilon)`.
    ///
    /// Ba, Kiros & Hinton 2016. The mean is subtracted before squares are summed, so that a large mean does not cancel the variance.
    ///
    /// - Parameters:
    ///   - x: `[T, D]`.
    ///   - weight: `[1, D]`.
    ///   - bias: `[1, D]`; nil for zero.
    ///   - y: `[T, D]`, overwritten; does not overlap `x`.
    package static func layerNormalize(_ x: Matrix, weight: Matrix, bias: Matrix?, epsilon: Float, into y: Matrix) {
        checkNormShapes(x, tokens: [y], parameters: [weight, bias])
        recorded(.norm, elements: 2 * x.rows * x.columns) {
            ek_layernorm_forward(
                x.base,
                x.stride,
                weight.base,
                bias?.base,
                epsilon,
                y.base,
                y.stride,
                x.rows,
                x.columns
            )
        }
    }

    /// Computes the gradient of `layerNormalize`: `dx = residual + J^T dy`,
    /// `dweight += sum over rows of dy * (x - mean(x)) * rstd(x)`, `dbias += sum over rows of dy`.
    ///
    /// - Parameters:
    ///   - residual: `[T, D]`, the gradient of the residual connection, which bypasses the normalization; nil for zero.
    ///   - dx: `[T, D]`, overwritten; may be `residual` or `dy`, and overlaps nothing else.
    ///   - dweight: `[1, D]`, added to.
    ///   - dbias: `[1, D]`, added to; nil if the norm has no bias.
    package static func layerNormalizeBackward(
        _ x: Matrix,
        weight: Matrix,
        epsilon: Float,
        dy: Matrix,
        residual: Matrix?,
        into dx: Matrix,
        dweight: Matrix,
        dbias: Matrix?
    ) {
        checkNormShapes(x, tokens: [dy, dx, residual], parameters: [weight, dweight, dbias])
        recorded(.norm, elements: (residual == nil ? 3 : 4) * x.rows * x.columns) {
            ek_layernorm_backward(
                x.base,
                x.stride,
                weight.base,
                epsilon,
                dy.base,
                dy.stride,
                residual?.base,
                residual?.stride ?? 0,
                dx.base,
                dx.stride,
                dweight.base,
                dbias?.base,
                x.rows,
                x.columns
            )
        }
    }

    private static func checkNormShapes(_ x: Matrix, tokens: [Matrix?], parameters: [Matrix?]) {
        precondition(tokens.allSatisfy { $0.map { $0.rows == x.rows } ?? true }, "one row for each token")
        precondition(
            (tokens + parameters).allSatisfy { $0.map { $0.columns == x.columns } ?? true },
            "all are as wide as the model"
        )
    }
}
