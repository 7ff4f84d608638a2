internal import CKernels

extension Kernels {
    /// Computes the dot product of each pair of rows: `delta[i] = sum over k of a[i, k] * b[i, k]`.
    ///
    /// - Parameters:
    ///   - a: `[rows, K]`.
    ///   - b: `[rows, K]`.
    ///   - delta: `[1, rows]`, overwritten.
    package static func rowDots(_ a: Matrix, _ b: Matrix, into delta: Matrix) {
        precondition(a.rows == b.rows && a.columns == b.columns && delta.columns >= a.rows, "a and b are [rows, K]")
        recorded(.attention, elements: 2 * a.rows * a.columns) {
            ek_row_dots(a.base, a.stride, b.base, b.stride, delta.base, a.rows, a.columns)
        }
    }

    /// Finishes the online softmax: `out /= sum`, `logSumExp = maximum + log(sum)`.
    ///
    /// - Parameters:
    ///   - out: `[rows, K]`, updated.
    ///   - maximum: `[1, rows]`.
    ///   - sum: `[1, rows]`.
    ///   - logSumExp: `[1, rows]`, overwritten.
    package static func finishSoftmax(_ out: Matrix, maximum: Matrix, sum: Matrix, logSumExp: Matrix) {
        precondition([maximum, sum, logSumExp].allSatisfy { $0.columns >= out.rows }, "a value for each row of out")
        recorded(.attention, elements: 2 * out.rows * out.columns) {
            ek_softmax_finish(out.base, out.stride, out.rows, out.columns, maximum.base, sum.base, logSumExp.base)
        }
    }
}
