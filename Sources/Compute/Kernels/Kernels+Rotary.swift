internal import CKernels

extension Kernels {
    /// Rotates pairs of the first `R` elements of each head, `(a, b) → (a cos - b sin, b cos + a sin)`, and copies the
    /// other elements; `R` is twice the number of columns of the tables.
    ///
    /// - Parameters:
    ///   - x: `[T, heads * K]`.
    ///   - positions: `[T]`, each a row of `cosines` and `sines`.
    ///   - cosines: `[positions, R / 2]`, contiguous, as `sines` is.
    ///   - headWidth: `K`, at least `R`.
    ///   - neighbours: Whether pair `i` is `(2i, 2i + 1)`, as in Cohere's models, not `(i, i + R / 2)`.
    ///   - inverse: Whether to rotate back, which is also the gradient.
    ///   - out: `[T, heads * K]`, overwritten; does not overlap `x`.
    package static func rotate(
        _ x: Matrix,
        positions: ArraySlice<Int32>,
        cosines: Matrix,
        sines: Matrix,
        headWidth: Int,
        neighbours: Bool = false,
        inverse: Bool,
        into out: Matrix
    ) {
        let rotated = 2 * cosines.columns
        precondition(
            x.rows == out.rows && x.columns == out.columns && positions.count == x.rows,
            "x and out are [T, HK]"
        )
        precondition(headWidth >= rotated && x.columns % headWidth == 0, "whole heads, at least as wide as rotated")
        precondition(sines.rows == cosines.rows && sines.columns == cosines.columns, "tables of one shape")
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
                    rotated,
                    neighbours,
                    inverse ? -1 : 1,
                    x.rows,
                    x.columns / headWidth,
                    headWidth
                )
            }
        }
    }
}
