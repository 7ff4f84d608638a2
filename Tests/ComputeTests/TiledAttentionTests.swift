internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

/// The attention kernels, combined tile by tile as in the model, against attention by its formula.
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
        // The first queries see no key of the last tile, the later ones some.
        Case(tokens: 6, heads: 2, width: 5, first: 8, tiles: [7, 2, 4]),
        Case(tokens: 4, heads: 1, width: 17, first: 33, tiles: [16, 17, 3]),
        // More rows than fit one tile of registers, and columns after the last whole vector.
        Case(tokens: 9, heads: 3, width: 19, first: 4, tiles: [16, 13]),
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

        let scratch = try TestMatrix(1, AttentionTile.scratchCount(width: width)) { _, _ in .nan }
        var start = 0
        let tiles = shape.tiles.map { count in
            defer { start += count }
            return (
                keys: start..<start + count,
                tile: AttentionTile(
                    query: q.view,
                    key: k.view.rows(start..<start + count),
                    value: v.view.rows(start..<start + count),
                    firstVisible: shape.first - start,
                    heads: shape.heads,
                    scale: 1 / Float(width).squareRoot()
                )
            )
        }
        for (_, tile) in tiles {
            tile.forward(maximum: maximum.view, sum: sum.view, out: out.view, scratch: scratch.view)
        }
        Kernels.finishSoftmax(out.view, maximum: maximum.view, sum: sum.view, logSumExp: logSumExp.view)
        #expect(relativeError(out.doubles, attention(shape, q.doubles, k.doubles, v.doubles)) < 4e-6)

        Kernels.rowDots(dout.view, out.view, into: delta.view)
        for (keys, tile) in tiles {
            tile.backward(
                dout: dout.view,
                logSumExp: logSumExp.view,
                delta: delta.view,
                dquery: dq.view,
                dkey: dk.view.rows(keys),
                dvalue: dv.view.rows(keys),
                scratch: scratch.view
            )
        }
        let (fixedQ, fixedK, fixedV, direction) = (q.doubles, k.doubles, v.doubles, dout.doubles)
        func loss(_ q: [Double], _ k: [Double], _ v: [Double]) -> Double {
            zip(attention(shape, q, k, v), direction).reduce(0) { $0 + $1.0 * $1.1 }
        }
        // A query that sees a single key has gradients of 0, which have no relative error.
        func agree(_ found: [Double], _ expected: [Double]) -> Bool {
            zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 * max(0.1, expected.map(abs).max()!) }
        }
        #expect(agree(dq.doubles, centralDifferences({ loss($0, fixedK, fixedV) }, at: fixedQ)))
        #expect(agree(dk.doubles, centralDifferences({ loss(fixedQ, $0, fixedV) }, at: fixedK)))
        #expect(agree(dv.doubles, centralDifferences({ loss(fixedQ, fixedK, $0) }, at: fixedV)))
        #expect(dv.doubles.contains { $0 != 0 })
    }

    @Test("a row's output and gradient do not depend on the other rows, to the bit", arguments: [16, 21])
    func rowsAreIndependent(width: Int) throws {
        // More rows than the backward pass keeps scores of at a time.
        let (tokens, heads, keys, first) = (50, 3, 75, 20)
        let q = try TestMatrix(tokens * heads, width) { noise($0 * 100 + $1) }
        let k = try TestMatrix(keys, width) { noise(20_000 + $0 * 100 + $1) }
        let v = try TestMatrix(keys, width) { noise(40_000 + $0 * 100 + $1) }
        let dout = try TestMatrix(tokens * heads, width) { noise(60_000 + $0 * 100 + $1) }
        let scratch = try TestMatrix(1, AttentionTile.scratchCount(width: width)) { _, _ in .nan }

        func pass(_ blocks: [Range<Int>]) throws -> (out: [Double], dq: [Double], dk: [Double], dv: [Double]) {
            let out = try TestMatrix(tokens * heads, width)
            let dq = try TestMatrix(tokens * heads, width)
            let dk = try TestMatrix(keys, width)
            let dv = try TestMatrix(keys, width)
            for block in blocks {
                let rows = block.lowerBound * heads..<block.upperBound * heads
                let maximum = try TestMatrix(1, rows.count) { _, _ in -.infinity }
                let sum = try TestMatrix(1, rows.count)
                let delta = try TestMatrix(1, rows.count)
                let tile = AttentionTile(
                    query: q.view.rows(rows),
                    key: k.view,
                    value: v.view,
                    firstVisible: first + block.lowerBound,
                    heads: heads,
                    scale: 0.25
                )
                let result = out.view.rows(rows)
                tile.forward(maximum: maximum.view, sum: sum.view, out: result, scratch: scratch.view)
                Kernels.finishSoftmax(result, maximum: maximum.view, sum: sum.view, logSumExp: sum.view)
                Kernels.rowDots(dout.view.rows(rows), result, into: delta.view)
                tile.backward(
                    dout: dout.view.rows(rows),
                    logSumExp: sum.view,
                    delta: delta.view,
                    dquery: dq.view.rows(rows),
                    dkey: dk.view,
                    dvalue: dv.view,
                    scratch: scratch.view
                )
            }
            return (out.doubles, dq.doubles, dk.doubles, dv.doubles)
        }
        let whole = try pass([0..<tokens])
        let single = try pass((0..<tokens).map { $0..<$0 + 1 })
        #expect(whole.out == single.out)
        #expect(whole.dq == single.dq)
        // Sums over 150 rows in another order.
        #expect(relativeError(whole.dk, single.dk) < 2e-6)
        #expect(relativeError(whole.dv, single.dv) < 2e-6)
        #expect(whole.out.contains { $0 != 0 } && whole.dk.contains { $0 != 0 })
    }
}
