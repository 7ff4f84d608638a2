internal import Compute
internal import Foundation
internal import Testing

struct SoftmaxKernelTests {
    @Test(
        "the online softmax over tiles equals the whole one",
        arguments: [1, 3],
        [[5], [1, 1, 3], [16, 17, 2], [40]]
    )
    func tiles(heads: Int, widths: [Int]) throws {
        let (tokens, width) = (6, 5)
        let (rows, keys) = (tokens * heads, widths.reduce(0, +))
        // The last query sees all keys, each earlier one a key less; scores up to ±30 move the maximum often.
        let first = keys - tokens + 1
        let score = { (row: Int, key: Int) in 30 * noise(row * 100 + key) }
        let value = { (key: Int, column: Int) in noise(9000 + key * 10 + column) }
        let out = try TestMatrix(rows, width)
        let maximum = try TestMatrix(1, rows) { _, _ in -.infinity }
        let sum = try TestMatrix(1, rows)
        let logSumExp = try TestMatrix(1, rows)
        var start = 0
        for count in widths {
            let tile = try TestMatrix(rows, count) { score($0, start + $1) }
            let values = try TestMatrix(count, width) { value(start + $0, $1) }
            Kernels.softmaxTile(
                tile.view,
                firstVisible: first - start,
                heads: heads,
                maximum: maximum.view,
                sum: sum.view,
                out: out.view
            )
            multiply(tile.view, values.view, into: out.view, accumulate: true)
            start += count
        }
        Kernels.finishSoftmax(out.view, maximum: maximum.view, sum: sum.view, logSumExp: logSumExp.view)
        for row in 0..<rows {
            let visible = min(keys, max(0, first + row / heads))
            guard visible > 0 else { continue }
            let scores = (0..<visible).map { Double(Float(score(row, $0))) }
            let top = scores.max()!
            let total = scores.reduce(0) { $0 + exp($1 - top) }
            #expect(abs(Double(logSumExp.view[0, row]) - (top + log(total))) < 1e-5)
            for column in 0..<width {
                let expected = scores.indices.reduce(0) { $0 + exp(scores[$1] - top) / total * value($1, column) }
                #expect(abs(Double(out.view[row, column]) - expected) < 2e-6)
            }
        }
    }

    @Test("the softmax's gradient follows central differences")
    func gradient() throws {
        let (rows, keys, heads, first, scale) = (6, 7, 2, 3, 0.5)
        let scores = try TestMatrix(rows, keys) { noise($0 * 10 + $1) }
        let dprobability = try TestMatrix(rows, keys) { noise(700 + $0 * 10 + $1) }
        let (input, direction) = (scores.doubles, dprobability.doubles)
        func probabilities(_ x: [Double], row: Int) -> [Double] {
            let visible = min(keys, first + row / heads)
            let exponents = (0..<visible).map { exp(scale * x[row * keys + $0]) }
            let total = exponents.reduce(0, +)
            return exponents.map { $0 / total } + Array(repeating: 0, count: keys - visible)
        }
        func loss(_ x: [Double]) -> Double {
            (0..<rows).reduce(0) { partial, row in
                partial
                    + probabilities(x, row: row).enumerated().reduce(0) {
                        $0 + $1.element * direction[row * keys + $1.offset]
                    }
            }
        }
        let logSumExp = try TestMatrix(1, rows) { _, row in
            let visible = min(keys, first + row / heads)
            return log((0..<visible).reduce(0) { $0 + exp(scale * input[row * keys + $1]) })
        }
        let delta = try TestMatrix(1, rows) { _, row in
            probabilities(input, row: row).enumerated().reduce(0) {
                $0 + $1.element * direction[row * keys + $1.offset]
            }
        }
        let scaled = try TestMatrix(rows, keys) { scale * input[$0 * keys + $1] }
        Kernels.softmaxBackwardTile(
            scaled.view,
            dprobability: dprobability.view,
            firstVisible: first,
            heads: heads,
            logSumExp: logSumExp.view,
            delta: delta.view,
            scale: Float(scale)
        )
        #expect(relativeError(dprobability.doubles, centralDifferences(loss, at: input)) < 4e-6)
        #expect(relativeError(scaled.doubles, (0..<rows).flatMap { probabilities(input, row: $0) }) < 2e-6)
    }

    @Test("log-sum-exp and entropy by slices equal the whole ones", arguments: [[1], [50], [16, 17, 17], [3, 2045]])
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
            for state in [whole, halves[0]] {
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
