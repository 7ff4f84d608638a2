internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

/// The attention kernels, combined tile by tile as in the model, against attention by its formula.
struct TiledAttentionTests {
    /// Queries that share keys: `tokens * heads` rows of `width`; query token `t` sees the first `first + t` keys, with
    /// a window the last `window` of these alone.
    struct Case: Sendable, CustomTestStringConvertible {
        let tokens: Int
        let heads: Int
        let width: Int
        let first: Int
        /// Keys of each tile.
        let tiles: [Int]
        var window: Int?
        var cap: Double?

        var rows: Int { tokens * heads }
        var keys: Int { tiles.reduce(0, +) }
        var testDescription: String {
            "\(tokens) tokens of \(heads) heads from \(first) keys, tiles \(tiles)"
                + (window.map { ", window \($0)" } ?? "") + (cap.map { ", cap \($0)" } ?? "")
        }

        func visible(row: Int) -> Range<Int> {
            let end = first + row / heads
            return max(0, window.map { end - $0 } ?? 0)..<min(keys, end)
        }

        /// `scale * q·k`, bounded by the cap.
        func score(_ product: Double) -> Double {
            let score = product / Double(width).squareRoot()
            return cap.map { $0 * tanh(score / $0) } ?? score
        }
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
        // Windows of one key, shorter than a vector, and that start and end inside tiles.
        Case(tokens: 21, heads: 1, width: 2, first: 1, tiles: [21], window: 1),
        Case(tokens: 40, heads: 2, width: 3, first: 1, tiles: [40], window: 5),
        Case(tokens: 20, heads: 3, width: 2, first: 30, tiles: [16, 17, 16], window: 21),
        // A window longer than tiles, the first of which is partly before it and the last partly after it.
        Case(tokens: 9, heads: 2, width: 3, first: 40, tiles: [16, 16, 11, 5], window: 33),
        // The later queries see no key of the first tiles.
        Case(tokens: 30, heads: 1, width: 3, first: 3, tiles: [4, 1, 16, 11], window: 6),
        // More rows than the backward pass keeps scores of at a time.
        Case(tokens: 40, heads: 3, width: 1, first: 2, tiles: [16, 25], window: 11),
        // A window that hides nothing.
        Case(tokens: 6, heads: 2, width: 5, first: 8, tiles: [7, 2, 4], window: 13),
        Case(tokens: 9, heads: 3, width: 5, first: 4, tiles: [16, 13], cap: 0.7),
        Case(tokens: 5, heads: 2, width: 4, first: 1, tiles: [5], cap: 30),
        Case(tokens: 20, heads: 3, width: 2, first: 30, tiles: [16, 17, 16], window: 21, cap: 1.5),
    ]

    private func attention(_ shape: Case, _ q: [Double], _ k: [Double], _ v: [Double]) -> [Double] {
        let width = shape.width
        return (0..<shape.rows).flatMap { row in
            let visible = shape.visible(row: row)
            let scores = visible.map { key in
                shape.score((0..<width).reduce(0) { $0 + q[row * width + $1] * k[key * width + $1] })
            }
            let exponentials = scores.map { exp($0) }
            let total = exponentials.reduce(0, +)
            return (0..<width).map { column in
                zip(exponentials, visible).reduce(0) { $0 + $1.0 / total * v[$1.1 * width + column] }
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
                    firstInWindow: shape.window.map { shape.first - $0 - start },
                    heads: shape.heads,
                    scale: 1 / Float(width).squareRoot(),
                    cap: shape.cap.map { Float($0) }
                )
            )
        }
        for (_, tile) in tiles {
            scratch.view.fill(.nan)
            tile.forward(maximum: maximum.view, sum: sum.view, out: out.view, scratch: scratch.view)
        }
        Kernels.finishSoftmax(out.view, maximum: maximum.view, sum: sum.view, logSumExp: logSumExp.view)
        #expect(relativeError(out.doubles, attention(shape, q.doubles, k.doubles, v.doubles)) < 4e-6)

        Kernels.rowDots(dout.view, out.view, into: delta.view)
        for (keys, tile) in tiles {
            scratch.view.fill(.nan)
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

    @Test(
        "a row's output and gradient do not depend on the other rows, to the bit",
        arguments: [16, 21],
        [(nil, nil), (9, nil), (26, 0.5)] as [(Int?, Float?)]
    )
    func rowsAreIndependent(width: Int, limits: (window: Int?, cap: Float?)) throws {
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
                    firstInWindow: limits.window.map { first + block.lowerBound - $0 },
                    heads: heads,
                    scale: 0.25,
                    cap: limits.cap
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

    @Test("keys and values outside all windows are not read", arguments: [1, 3], [nil, 2] as [Float?])
    func unseenKeys(heads: Int, cap: Float?) throws {
        // Tokens 0...8 see keys 19..<24 to 27..<32 of 37.
        let (tokens, keys, width) = (9, 37, 5)
        let seen = 19..<32
        let q = try TestMatrix(tokens * heads, width) { noise($0 * 100 + $1) }
        let dout = try TestMatrix(tokens * heads, width) { noise(60_000 + $0 * 100 + $1) }
        let scratch = try TestMatrix(1, AttentionTile.scratchCount(width: width))

        func pass(unseen: Double) throws -> [[Double]] {
            let k = try TestMatrix(keys, width) { seen.contains($0) ? noise(20_000 + $0 * 100 + $1) : unseen }
            let v = try TestMatrix(keys, width) { seen.contains($0) ? noise(40_000 + $0 * 100 + $1) : unseen }
            let out = try TestMatrix(tokens * heads, width)
            let dq = try TestMatrix(tokens * heads, width)
            let dk = try TestMatrix(keys, width)
            let dv = try TestMatrix(keys, width)
            let maximum = try TestMatrix(1, tokens * heads) { _, _ in -.infinity }
            let sum = try TestMatrix(1, tokens * heads)
            let delta = try TestMatrix(1, tokens * heads)
            let tile = AttentionTile(
                query: q.view,
                key: k.view,
                value: v.view,
                firstVisible: 24,
                firstInWindow: 19,
                heads: heads,
                scale: 1,
                cap: cap
            )
            tile.forward(maximum: maximum.view, sum: sum.view, out: out.view, scratch: scratch.view)
            Kernels.finishSoftmax(out.view, maximum: maximum.view, sum: sum.view, logSumExp: sum.view)
            Kernels.rowDots(dout.view, out.view, into: delta.view)
            tile.backward(
                dout: dout.view,
                logSumExp: sum.view,
                delta: delta.view,
                dquery: dq.view,
                dkey: dk.view,
                dvalue: dv.view,
                scratch: scratch.view
            )
            for key in 0..<keys where !seen.contains(key) {
                #expect((0..<width).allSatisfy { dk.view[key, $0] == 0 && dv.view[key, $0] == 0 })
            }
            return [out.doubles, dq.doubles, dk.doubles, dv.doubles]
        }
        let zeros = try pass(unseen: 0)
        #expect(try pass(unseen: .nan) == zeros && zeros.allSatisfy { $0.contains { $0 != 0 } })
    }
}
