internal import Compute
internal import Foundation
internal import Testing

/// The attention kernels put together as the model does, tile by tile, against attention by its formula.
struct TiledAttentionTests {
    /// Queries that share keys: `tokens * heads` rows of `width`; query token `t` sees the first `first + t` keys.
    struct Case: Sendable, CustomTestStringConvertible {
        let tokens: Int
        let heads: Int
        let width: Int
        let first: Int
        /// Keys of each tile.
        let tiles: [Int]

        var rows: Int { tokens * heads }
        var keys: Int { tiles.reduce(0, +) }
        var testDescription: String { "\(tokens) tokens of \(heads) heads from \(first) keys, tiles \(tiles)" }

        func visible(row: Int) -> Int { min(keys, first + row / heads) }
    }

    private static let cases = [
        Case(tokens: 1, heads: 1, width: 1, first: 1, tiles: [1]),
        Case(tokens: 5, heads: 3, width: 4, first: 1, tiles: [5]),
        // The first queries see nothing of the last tile, the later ones a part of it.
        Case(tokens: 6, heads: 2, width: 5, first: 8, tiles: [7, 2, 4]),
        Case(tokens: 4, heads: 1, width: 17, first: 33, tiles: [16, 17, 3]),
        // All see all.
        Case(tokens: 3, heads: 2, width: 3, first: 20, tiles: [9, 9]),
    ]

    private func attention(_ shape: Case, _ q: [Double], _ k: [Double], _ v: [Double]) -> [Double] {
        let width = shape.width
        return (0..<shape.rows).flatMap { row in
            let scores = (0..<shape.visible(row: row)).map { key in
                (0..<width).reduce(0) { $0 + q[row * width + $1] * k[key * width + $1] } / Double(width).squareRoot()
            }
            let exponentials = scores.map { exp($0) }
            let total = exponentials.reduce(0, +)
            return (0..<width).map { column in
                exponentials.indices.reduce(0) { $0 + exponentials[$1] / total * v[$1 * width + column] }
            }
        }
    }

    @Test("output and gradients over tiles equal the formula and its central differences", arguments: cases)
    func gradients(shape: Case) throws {
        let (rows, keys, width) = (shape.rows, shape.keys, shape.width)
        let q = try TestMatrix(rows, width) { 2 * noise($0 * 100 + $1) }
        let k = try TestMatrix(keys, width) { 2 * noise(20_000 + $0 * 100 + $1) }
        let v = try TestMatrix(keys, width) { noise(40_000 + $0 * 100 + $1) }
        let dout = try TestMatrix(rows, width) { noise(60_000 + $0 * 100 + $1) }
        let out = try TestMatrix(rows, width)
        let maximum = try TestMatrix(1, rows) { _, _ in -.infinity }
        let sum = try TestMatrix(1, rows)
        let logSumExp = try TestMatrix(1, rows)
        let delta = try TestMatrix(1, rows)
        let dq = try TestMatrix(rows, width)
        let dk = try TestMatrix(keys, width)
        let dv = try TestMatrix(keys, width)
        let scale = 1 / Float(width).squareRoot()

        var start = 0
        for count in shape.tiles {
            let scores = try TestMatrix(rows, count)
            multiply(q.view, k.view.rows(start..<start + count).transposed, into: scores.view, scale: scale)
            Kernels.softmaxTile(
                scores.view,
                firstVisible: shape.first - start,
                heads: shape.heads,
                maximum: maximum.view,
                sum: sum.view,
                out: out.view
            )
            multiply(scores.view, v.view.rows(start..<start + count), into: out.view, accumulate: true)
            start += count
        }
        Kernels.finishSoftmax(out.view, maximum: maximum.view, sum: sum.view, logSumExp: logSumExp.view)
        #expect(relativeError(out.doubles, attention(shape, q.doubles, k.doubles, v.doubles)) < 4e-6)

        Kernels.rowDots(dout.view, out.view, into: delta.view)
        start = 0
        for count in shape.tiles {
            let range = start..<start + count
            let probability = try TestMatrix(rows, count)
            let dscore = try TestMatrix(rows, count)
            multiply(q.view, k.view.rows(range).transposed, into: probability.view, scale: scale)
            multiply(dout.view, v.view.rows(range).transposed, into: dscore.view)
            Kernels.softmaxBackwardTile(
                probability.view,
                dprobability: dscore.view,
                firstVisible: shape.first - start,
                heads: shape.heads,
                logSumExp: logSumExp.view,
                delta: delta.view,
                scale: scale
            )
            multiply(probability.view.transposed, dout.view, into: dv.view.rows(range), accumulate: true)
            multiply(dscore.view.transposed, q.view, into: dk.view.rows(range), accumulate: true)
            multiply(dscore.view, k.view.rows(range), into: dq.view, accumulate: true)
            start += count
        }
        let (fixedQ, fixedK, fixedV, direction) = (q.doubles, k.doubles, v.doubles, dout.doubles)
        func loss(_ q: [Double], _ k: [Double], _ v: [Double]) -> Double {
            zip(attention(shape, q, k, v), direction).reduce(0) { $0 + $1.0 * $1.1 }
        }
        // One query that sees one key moves nothing: its gradients are 0, which has no relative error.
        func agree(_ found: [Double], _ expected: [Double]) -> Bool {
            zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 * max(0.1, expected.map(abs).max()!) }
        }
        #expect(agree(dq.doubles, centralDifferences({ loss($0, fixedK, fixedV) }, at: fixedQ)))
        #expect(agree(dk.doubles, centralDifferences({ loss(fixedQ, $0, fixedV) }, at: fixedK)))
        #expect(agree(dv.doubles, centralDifferences({ loss(fixedQ, fixedK, $0) }, at: fixedV)))
        #expect(dv.doubles.contains { $0 != 0 })
    }
}
