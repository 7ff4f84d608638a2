internal import CKernels

// A tile is `[rows, keys]` scores. Row `i` belongs to query token `i / heads`, and the first query token sees the
// first `firstVisible` keys of the tile, each later one a key more (none where that is negative, at most all).
extension Kernels {
    /// One step of the online softmax (Milakov & Gimelshein 2018) over a tile.
    ///
    /// - Parameters:
    ///   - scores: `[rows, keys]`, replaced by `exp(score - maximum)`, zero where masked.
    ///   - heads: The query heads that share the keys.
    ///   - maximum: `[1, rows]`, the running maximum, minus infinity at first.
    ///   - sum: `[1, rows]`, the running sum of `exp(score - maximum)`, 0 at first.
    ///   - out: `[rows, K]`, contiguous; rescaled to the new maximum.
    package static func softmaxTile(
        _ scores: Matrix,
        firstVisible: Int,
        heads: Int,
        maximum: Matrix,
        sum: Matrix,
        out: Matrix
    ) {
        precondition(out.rows == scores.rows && out.stride == out.columns, "out is [rows, K], contiguous")
        precondition(maximum.columns >= scores.rows && sum.columns >= scores.rows, "one maximum and sum for each row")
        recorded(.softmax, elements: 2 * scores.rows * scores.columns) {
            ek_softmax_tile(
                scores.base,
                scores.stride,
                firstVisible,
                scores.rows,
                scores.columns,
                heads,
                maximum.base,
                sum.base,
                out.base,
                out.columns
            )
        }
    }

    /// The gradient of the softmax: scores become probabilities `p = exp(score - logSumExp)`, and `dprobability`
    /// becomes the gradient of the unscaled product, `p * (dp - delta) * scale`; both zero where masked.
    ///
    /// - Parameters:
    ///   - scores: `[rows, keys]`.
    ///   - dprobability: `[rows, keys]`, of the same stride.
    ///   - logSumExp: `[1, rows]`, as the forward pass saved it.
    ///   - delta: `[1, rows]`, the dot product of each output row with its gradient.
    package static func softmaxBackwardTile(
        _ scores: Matrix,
        dprobability: Matrix,
        firstVisible: Int,
        heads: Int,
        logSumExp: Matrix,
        delta: Matrix,
        scale: Float
    ) {
        precondition(scores.rows == dprobability.rows && scores.columns == dprobability.columns, "tiles of one shape")
        precondition(scores.stride == dprobability.stride, "tiles of one stride")
        precondition(logSumExp.columns >= scores.rows && delta.columns >= scores.rows, "one value for each row")
        recorded(.softmax, elements: 4 * scores.rows * scores.columns) {
            ek_softmax_backward_tile(
                scores.base,
                dprobability.base,
                scores.stride,
                firstVisible,
                scores.rows,
                scores.columns,
                heads,
                logSumExp.base,
                delta.base,
                scale
            )
        }
    }

    /// `delta[i] = sum over K of a[i, k] * b[i, k]`.
    ///
    /// - Parameters:
    ///   - a: `[rows, K]`.
    ///   - b: `[rows, K]`.
    ///   - delta: `[1, rows]`, overwritten.
    package static func rowDots(_ a: Matrix, _ b: Matrix, into delta: Matrix) {
        precondition(a.rows == b.rows && a.columns == b.columns && delta.columns >= a.rows, "a and b are [rows, K]")
        recorded(.softmax, elements: 2 * a.rows * a.columns) {
            ek_row_dots(a.base, a.stride, b.base, b.stride, delta.base, a.rows, a.columns)
        }
    }

    /// Finishes the online softmax: `out /= sum`, and `logSumExp = maximum + log(sum)`.
    ///
    /// - Parameters:
    ///   - out: `[rows, K]`.
    ///   - maximum: `[1, rows]`.
    ///   - sum: `[1, rows]`.
    ///   - logSumExp: `[1, rows]`, overwritten.
    package static func finishSoftmax(_ out: Matrix, maximum: Matrix, sum: Matrix, logSumExp: Matrix) {
        precondition([maximum, sum, logSumExp].allSatisfy { $0.columns >= out.rows }, "a value for each row of out")
        recorded(.softmax, elements: 2 * out.rows * out.columns) {
            ek_softmax_finish(out.base, out.stride, out.rows, out.columns, maximum.base, sum.base, logSumExp.base)
        }
    }
}
