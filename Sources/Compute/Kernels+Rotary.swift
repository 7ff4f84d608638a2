internal import CKernels

extension Kernels {
    /// Rotates pairs of elements of each head: `(a, b) → (a cos - b sin, b cos + a sin)`, `b` half a head after `a`.
    ///
    /// - Parameters:
    ///   - x: `[T, heads * K]`.
    ///   - positions: `[T]`, each a row of `cosines` and `sines`.
    ///   - cosines: `[positions, K / 2]`, contiguous, as `sines` is.
    ///   - inverse: Whether to rotate back, which is also the gradient.
    ///   - out: `[T, heads * K]`, overwritten; does not overlap `x`.
    package static func rotate(
        _ x: Matrix,
        positions: ArraySlice<Int32>,
        cosines: Matrix,
        sines: Matrix,
        inverse: Bool,
        into out: Matrix
    ) {
        let width = 2 * cosines.columns
        precondition(
            x.rows == out.rows && x.columns == out.columns && positions.count == x.rows,
            "x and out are [T, HK]"
        )
        precondition(x.columns % width == 0 && sines.rows == cosines.rows && sines.columns == cosines.columns, "heads")
        precondition(cosines.isContiguous && sines.isContiguous, "contiguous tables")
        assert(positions.allSatisfy { $0 >= 0 && $0 < cosines.rows })
        positions.withUnsafeBufferPointer { positions in
            guard let first = positions.baseAddress else { return }
            recorded(.rotary, elements: 2 * x.rows * x.columns) {
                ek_rotate(
                    x.base,
                    x.stride,
                    out.base,
                    out.stride,
                    first,
                    cosines.base,
                    sines.base,
                    inverse ? -1 : 1,
                    x.rows,
                    x.columns / width,
                    width
                )
            }
        }
    }
}
