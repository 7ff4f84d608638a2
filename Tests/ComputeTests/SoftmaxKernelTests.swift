internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

struct SoftmaxKernelTests {
    @Test(
        "log-sum-exp, entropy and sum of squares by slices equal those of the whole",
        arguments: [[1], [50], [16, 17, 17], [3, 2045]]
    )
    func slices(widths: [Int]) throws {
        let (rows, count) = (4, widths.reduce(0, +))
        let logit = { (row: Int, column: Int) in 20 * noise(row * 5000 + column) }
        var whole = RunningLogSumExp(rows: rows)
        var halves = [RunningLogSumExp(rows: rows), RunningLogSumExp(rows: rows)]
        var start = 0
        for (index, width) in widths.enumerated() {
            let slice = try TestMatrix(rows, width) { logit($0, start + $1) }
            whole.fold(slice.view)
            halves[index % 2].fold(slice.view)
            start += width
        }
        halves[0].merge(halves[1])
        for row in 0..<rows {
            let logits = (0..<count).map { Double(Float(logit(row, $0))) }
            let top = logits.max()!
            let sum = logits.reduce(0) { $0 + exp($1 - top) }
            let entropy = logits.reduce(0) { $0 - exp($1 - top) / sum * ($1 - top - log(sum)) }
            let squares = logits.reduce(0) { $0 + exp(2 * ($1 - top)) } / (sum * sum)
            for state in [whole, halves[0]] {
                #expect(abs(state.logSquares(row: row) - log(squares)) < 1e-6)
                #expect(abs(state.logSumExp(row: row) - (top + log(sum))) < 1e-6)
                #expect(abs(state.entropy(row: row) - entropy) < 1e-5)
                #expect(Double(state.largest(row: row)) == top)
            }
        }
    }

    @Test("the gradient of a log-probability follows central differences")
    func headGradient() throws {
        let (rows, width) = (3, 21)
        let logits = try TestMatrix(rows, width) { 3 * noise($0 * 30 + $1) }
        let input = logits.doubles
        let (targets, coefficients): ([Int], [Float]) = ([4, 0, 20], [0.7, -1.3, 0])
        func loss(_ x: [Double]) -> Double {
            (0..<rows).reduce(0) { total, row in
                let logits = x[row * width..<(row + 1) * width]
                let logp = x[row * width + targets[row]] - log(logits.reduce(0) { $0 + exp($1) })
                return total + Double(coefficients[row]) * logp
            }
        }
        var state = RunningLogSumExp(rows: rows)
        state.fold(logits.view)
        let sums = (0..<rows).map { Float(state.logSumExp(row: $0)) }
        Kernels.softmaxGradient(logits.view, logSumExp: sums[...], coefficient: coefficients[...])
        for row in 0..<rows { logits.view[row, targets[row]] += coefficients[row] }
        #expect(relativeError(logits.doubles, centralDifferences(loss, at: input)) < 2e-6)
    }
}
