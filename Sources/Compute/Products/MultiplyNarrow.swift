internal import CKernels

/// A product of which the inner dimension or the result's width is a few tens, as those of low-rank adapters.
///
/// A library packs both operands of a product, which takes longer than it saves if each element is used so rarely. Here the
/// large operand is read in place, and a transposed narrow one is packed.
package enum NarrowProduct {
    /// The largest inner dimension or width that these kernels serve; wider products are the library's.
    package static let mostWidth = 48

    /// The scratch elements that a transposed right operand of `rows × columns` needs, at most.
    package static func scratchCount(rows: Int, columns: Int) -> Int {
        (rows + 15) / 16 * 16 * columns
    }
}

/// Computes `c = scale * a * b`, or `c += scale * a * b` if `accumulate` is set, on the calling thread only.
///
/// - Parameters:
///   - a: `[M, N]`, or the transpose of `[N, M]`.
///   - b: `[N, O]`, or the transpose of `[O, N]`.
///   - c: `[M, O]`, not overlapping the others.
///   - scratch: Contiguous, for `b` if that is transposed; with fewer than `NarrowProduct.scratchCount` elements the library
///     computes the product.
package func multiplyNarrow(
    _ a: Operand,
    _ b: Operand,
    into c: Matrix,
    accumulate: Bool = false,
    scale: Float = 1,
    scratch: Matrix? = nil
) {
    precondition(a.rows == c.rows && b.columns == c.columns && a.columns == b.rows, "a product's shapes agree")
    let (m, n, o) = (c.rows, a.columns, c.columns)
    let needed = b.isTransposed ? NarrowProduct.scratchCount(rows: o, columns: n) : 0
    let hasScratch = needed <= scratch.map { $0.rows * $0.columns } ?? 0
    guard m > 0, o > 0, n > 0, min(m, n, o) <= NarrowProduct.mostWidth, hasScratch else {
        return multiply(a, b, into: c, accumulate: accumulate, scale: scale)
    }
    recorded(.product, flops: 2 * m * n * o, elements: m * n + n * o + (accumulate ? 2 : 1) * m * o) {
        var product = ek_narrow(
            rows: m,
            columns: o,
            depth: n,
            a: a.matrix.base,
            a_row: a.isTransposed ? 1 : a.matrix.stride,
            a_column: a.isTransposed ? a.matrix.stride : 1,
            b: b.matrix.base,
            b_row: b.matrix.stride,
            b_panel: 16,
            c: c.base,
            c_row: c.stride,
            scale: scale,
            adds: accumulate
        )
        if b.isTransposed {
            guard let scratch else { preconditionFailure("scratch memory for a transposed operand") }
            ek_pack_transposed(b.matrix.base, b.matrix.stride, o, n, scratch.base)
            (product.b, product.b_row, product.b_panel) = (UnsafePointer(scratch.base), 16, 16 * n)
        }
        ek_narrow_product(&product)
    }
}
