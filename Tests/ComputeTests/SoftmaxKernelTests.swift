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

    @Test("a cap follows the formula, also at the ends", arguments: [1, 15, 16, 17, 33])
    func cap(width: Int) throws {
        let x = try FramedMatrix(3, width) { 60 * noise($0 * 40 + $1) }
        let expected = x.doubles.map { 30 * tanh($0 / 30) }
        Kernels.cap(x.view, at: 30)
        #expect(relativeError(x.doubles, expected) < 3e-7)
        x.expectFrameUnchanged()
        let ends = try TestMatrix(1, 5) { [1e30, -1e30, .infinity, 1e-30, .nan][$1] }
        Kernels.cap(ends.view, at: 30)
        let results = ends.view.elements()
        #expect(results[0] == 30 && results[1] == -30 && results[2] == 30 && abs(results[3] / 1e-30 - 1) < 3e-7)
        #expect(results[4].isNaN)
    }

    @Test("the gradient of a log-probability of capped logits follows central differences", arguments: [1, 16, 21, 33])
    func cappedHeadGradient(width: Int) throws {
        let (rows, cap): (Int, Float) = (3, 2.5)
        let logits = try FramedMatrix(rows, width) { 4 * noise($0 * 30 + $1) }
        let input = logits.doubles
        let (targets, coefficients): ([Int], [Float]) = ([width / 3, 0, width - 1], [0.7, -1.3, 0])
        func loss(_ x: [Double]) -> Double {
            (0..<rows).reduce(0) { total, row in
                let logits = x[row * width..<(row + 1) * width].map { Double(cap) * tanh($0 / Double(cap)) }
                let logp = logits[targets[row]] - log(logits.reduce(0) { $0 + exp($1) })
                return total + Double(coefficients[row]) * logp
            }
        }
        Kernels.cap(logits.view, at: cap)
        var state = RunningLogSumExp(rows: rows)
        state.fold(logits.view)
        let sums = (0..<rows).map { Float(state.logSumExp(row: $0)) }
        let atLabels = (0..<rows).map { coefficients[$0] * Kernels.capSlope(logits.view[$0, targets[$0]], at: cap) }
        Kernels.softmaxGradient(logits.view, logSumExp: sums[...], coefficient: coefficients[...], cap: cap)
        for row in 0..<rows { logits.view[row, targets[row]] += atLabels[row] }
        let expected = centralDifferences(loss, at: input)
        // A single logit has the gradient 0, the difference of two numbers of the coefficients' size.
        let largest = max(expected.map(abs).max()!, width == 1 ? 1 : 0)
        #expect(zip(logits.doubles, expected).allSatisfy { abs($0 - $1) < 2e-6 * largest })
        logits.expectFrameUnchanged()
    }

    @Test("NaN propagates through the gradient of capped logits")
    func notANumber() throws {
        let logits = try TestMatrix(1, 17) { $1 == 16 ? .nan : 0 }
        Kernels.softmaxGradient(logits.view, logSumExp: [0], coefficient: [1], cap: 30)
        #expect(logits.view.elements().map(\.isNaN) == (0..<17).map { $0 == 16 })
    }
}
