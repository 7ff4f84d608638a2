internal import COpenBLAS

/// An operand of a matrix product: a matrix or its transpose.
package struct Operand {
    let matrix: Matrix
    let isTransposed: Bool

    /// The matrix as it is.
    package init(_ matrix: Matrix) { self.init(matrix: matrix, isTransposed: false) }

    init(matrix: Matrix, isTransposed: Bool) { (self.matrix, self.isTransposed) = (matrix, isTransposed) }

    var rows: Int { isTransposed ? matrix.columns : matrix.rows }
    var columns: Int { isTransposed ? matrix.rows : matrix.columns }
    var flag: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }
}

/// Computes `c = scale * a * b`, or `c += scale * a * b` if `accumulate` is set, on the calling thread only.
///
/// Shapes: `a` is `[M, N]`, `b` is `[N, O]`, `c` is `[M, O]`, not overlapping the others. Strides and counts must fit
/// BLAS's 32-bit integers, which is checked.
package func multiply(_ a: Operand, _ b: Operand, into c: Matrix, accumulate: Bool = false, scale: Float = 1) {
    precondition(a.rows == c.rows && b.columns == c.columns && a.columns == b.rows, "a product's shapes agree")
    guard c.rows > 0, c.columns > 0 else { return }
    guard a.columns > 0 else {
        if !accumulate { c.fill(0) }
        return
    }
    let (m, n, o) = (c.rows, a.columns, c.columns)
    recorded(.product, flops: 2 * m * n * o, elements: m * n + n * o + (accumulate ? 2 : 1) * m * o) {
        cblas_sgemm(
            CblasRowMajor,
            a.flag,
            b.flag,
            blasInteger(c.rows),
            blasInteger(c.columns),
            blasInteger(a.columns),
            scale,
            a.matrix.base,
            blasInteger(a.matrix.stride),
            b.matrix.base,
            blasInteger(b.matrix.stride),
            accumulate ? 1 : 0,
            c.base,
            blasInteger(c.stride)
        )
    }
}

/// `multiply` without a transposed operand.
package func multiply(_ a: Matrix, _ b: Matrix, into c: Matrix, accumulate: Bool = false, scale: Float = 1) {
    multiply(Operand(a), Operand(b), into: c, accumulate: accumulate, scale: scale)
}

/// `multiply` with a transposed right operand: `y = x * W^T` for a weight stored as `[out, in]`.
package func multiply(_ a: Matrix, _ b: Operand, into c: Matrix, accumulate: Bool = false, scale: Float = 1) {
    multiply(Operand(a), b, into: c, accumulate: accumulate, scale: scale)
}

/// `multiply` with a transposed left operand: `dW += dy^T * x`.
package func multiply(_ a: Operand, _ b: Matrix, into c: Matrix, accumulate: Bool = false, scale: Float = 1) {
    multiply(a, Operand(b), into: c, accumulate: accumulate, scale: scale)
}

private func blasInteger(_ value: Int) -> Int32 {
    precondition(value <= Int(Int32.max), "a product's dimension exceeds BLAS's 32-bit integer")
    return Int32(value)
}
