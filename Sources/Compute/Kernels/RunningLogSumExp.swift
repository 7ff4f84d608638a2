internal import CKernels
internal import Glibc

/// The log-sum-exp of each row of logits, and the entropy and sum of squares of its softmax, accumulated over slices of
/// columns.
package struct RunningLogSumExp: Sendable {
    private var maximum: [Float]
    private var sum: [Double]
    private var weighted: [Double]
    private var squares: [Double]

    /// The state of `rows` rows before the first slice.
    package init(rows: Int) {
        maximum = Array(repeating: -.infinity, count: rows)
        sum = Array(repeating: 0, count: rows)
        weighted = Array(repeating: 0, count: rows)
        squares = Array(repeating: 0, count: rows)
    }

    /// Adds a slice of logits, `[rows, V]`.
    package mutating func fold(_ logits: Matrix) {
        precondition(logits.rows == maximum.count, "one state for each row")
        recorded(.logits, elements: logits.rows * logits.columns) {
            ek_log_sum_exp_slice(
                logits.base,
                logits.stride,
                logits.rows,
                logits.columns,
                &maximum,
                &sum,
                &weighted,
                &squares
            )
        }
    }

    /// Merges the state of other columns of the same rows.
    package mutating func merge(_ other: RunningLogSumExp) {
        precondition(other.maximum.count == maximum.count, "states of the same rows")
        for row in maximum.indices where other.sum[row] != 0 {
            let top = max(maximum[row], other.maximum[row])
            let mine = exp(Double(maximum[row]) - Double(top))
            let theirs = exp(Double(other.maximum[row]) - Double(top))
            sum[row] = sum[row] * mine + other.sum[row] * theirs
            weighted[row] = weighted[row] * mine + other.weighted[row] * theirs
            squares[row] = squares[row] * mine * mine + other.squares[row] * theirs * theirs
            maximum[row] = top
        }
    }

    /// The largest logit of a row.
    package func largest(row: Int) -> Float { maximum[row] }

    /// `log(sum over v of exp(logit[v]))` of a row, in nats.
    package func logSumExp(row: Int) -> Double { Double(maximum[row]) + log(sum[row]) }

    /// The entropy of a row's softmax, `logSumExp - sum over v of p[v] * logit[v]`, in nats.
    package func entropy(row: Int) -> Double { logSumExp(row: row) - weighted[row] / sum[row] }

    /// `log(sum over v of p[v]^2)` of a row's softmax, in nats.
    package func logSquares(row: Int) -> Double { log(squares[row]) - 2 * log(sum[row]) }
}

extension Kernels {
    /// Replaces a slice of logits with `-coefficient[row] * softmax`, the gradient of `coefficient * log-probability`
    /// without the `+coefficient` at the label.
    ///
    /// Capped logits are replaced with the gradient of the logits before the cap: all is multiplied by
    /// `1 - (logit / cap)^2`. The caller multiplies the `+coefficient` at the label by that factor too, `capSlope` of the
    /// logit before this call.
    ///
    /// - Parameters:
    ///   - logits: `[rows, V]`, a slice of the vocabulary.
    ///   - logSumExp: `[rows]`, over the whole vocabulary.
    ///   - coefficient: `[rows]`.
    ///   - cap: The cap of the logits, positive; nil if they are not capped.
    package static func softmaxGradient(
        _ logits: Matrix,
        logSumExp: ArraySlice<Float>,
        coefficient: ArraySlice<Float>,
        cap: Float? = nil
    ) {
        precondition(cap.map { $0 > 0 } ?? true, "a positive cap")
        precondition(logSumExp.count == logits.rows && coefficient.count == logits.rows, "one value for each row")
        logSumExp.withUnsafeBufferPointer { logSumExp in
            coefficient.withUnsafeBufferPointer { coefficient in
                guard let top = logSumExp.baseAddress, let scale = coefficient.baseAddress else { return }
                recorded(.logits, elements: 2 * logits.rows * logits.columns) {
                    ek_softmax_gradient_slice(
                        logits.base,
                        logits.stride,
                        logits.rows,
                        logits.columns,
                        top,
                        scale,
                        cap ?? 0
                    )
                }
            }
        }
    }
}
