internal import Compute

/// Attention over a packed sequence in which every token sees its ancestors and itself.
///
/// With a window it sees those of them whose depth differs from its own by less than the window (Beltagy et al. 2020).
/// `out[i] = sum over visible j of softmax_j(score(q[i] · k[j])) v[j]`, by tiles with the online softmax (Milakov &
/// Gimelshein 2018; Dao et al. 2022); `score(x) = scale * x`, or with a cap `cap * tanh(scale * x / cap)` (Gemma 2).
/// Query heads that share a key/value head are adjacent for each token, so that one product computes them all.
///
/// Shapes: `T` tokens, `C` keys, as many as tokens or with room for others, `G` key/value heads, `R` query heads for each, `K`
/// head width, `M = R * block`.
package struct ForestAttention {
    let groups: Int
    let heads: Int
    let width: Int
    let scale: Float
    let cap: Float?
    let blockSize: Int

    /// The attention of these heads, scale and cap.
    package init(_ attention: Architecture.Attention) {
        groups = attention.keyValueHeads
        heads = attention.heads / attention.keyValueHeads
        width = attention.headWidth
        scale = attention.scoreScale ?? 1 / Float(width).squareRoot()
        cap = attention.scoreCap
        // About 384 rows: enough to pay for packing a tile's keys, few enough to divide a sequence's work evenly.
        blockSize = max(16, 384 / heads)
    }

    /// Query, key and value of a packed sequence after rotation, head-major, and what the backward pass needs.
    struct Activations {
        /// `[G * T, R * K]`.
        let query: Matrix
        /// `[G * C, K]`.
        let key: Matrix
        /// `[G * C, K]`.
        let value: Matrix
        /// The number of keys before that of the first token.
        var firstKey = 0
        /// `[G, T * R]`.
        let logSumExp: Matrix
        /// `[T, G * R * K]`, token-major.
        let output: Matrix
    }

    /// The gradients of query, key and value, in the same layout; keys and values once for each thread.
    package struct Gradients {
        let query: Matrix
        let key: [Matrix]
        let value: [Matrix]
    }

    /// One thread's tiles.
    struct Scratch {
        /// Of `AttentionTile`.
        let tile: Matrix
        /// `[M, K]`.
        let output: Matrix
        /// `[M, K]`.
        let doutput: Matrix
        /// `[3, M]`: running maximum, running sum, delta.
        let rows: Matrix
        /// Keys, values and their gradients of a tile that is not one run of rows, each `[most keys, K]`.
        let gathered: [Matrix]

        init(_ attention: ForestAttention, arena: inout Arena) {
            let queries = attention.blockSize * attention.heads
            tile = arena.matrix(rows: 1, columns: AttentionTile.scratchCount(width: attention.width))
            output = arena.matrix(rows: queries, columns: attention.width)
            doutput = arena.matrix(rows: queries, columns: attention.width)
            rows = arena.matrix(rows: 3, columns: queries)
            gathered = (0..<4).map { _ in arena.matrix(rows: AttentionTile.mostKeys, columns: attention.width) }
        }
    }

    /// Computes the output of one task's queries.
    func forward(_ activations: Activations, task: AttentionPlan.Task, scratch: Scratch) {
        let view = View(self, task, tokens: activations.output.rows)
        let out = scratch.output.reshaped(rows: view.rows, columns: width)
        let maximum = scratch.rows.rows(0..<1)
        let sum = scratch.rows.rows(1..<2)
        out.fill(0)
        maximum.fill(-.infinity)
        sum.fill(0)
        for tile in task.block.tiles {
            view.tile(activations, tile, scratch)
                .forward(maximum: maximum, sum: sum, out: out, scratch: scratch.tile)
        }
        Kernels.finishSoftmax(out, maximum: maximum, sum: sum, logSumExp: view.rowValues(activations.logSumExp))
        view.tokenMajor(activations.output).copy(from: view.headMajor(out))
    }

    /// Computes the contributions of one task's queries to the gradients.
    ///
    /// - Parameters:
    ///   - doutput: `[T, G * R * K]`.
    ///   - gradients: `query` is overwritten at the task's queries; `key[thread]` and `value[thread]` are accumulated.
    func backward(
        _ activations: Activations,
        doutput: Matrix,
        into gradients: Gradients,
        thread: Int,
        task: AttentionPlan.Task,
        scratch: Scratch
    ) {
        let delta = scratch.rows.rows(2..<3)
        let view = View(self, task, tokens: doutput.rows)
        let dout = scratch.doutput.reshaped(rows: view.rows, columns: width)
        let out = scratch.output.reshaped(rows: view.rows, columns: width)
        view.headMajor(dout).copy(from: view.tokenMajor(doutput))
        view.headMajor(out).copy(from: view.tokenMajor(activations.output))
        Kernels.rowDots(dout, out, into: delta)
        let dquery = view.query(gradients.query)
        dquery.fill(0)
        for tile in task.block.tiles {
            let targets = [gradients.key[thread], gradients.value[thread]]
            view.adding(tile, to: targets, by: Array(scratch.gathered[2...])) { parts in
                view.tile(activations, tile, scratch).backward(
                    dout: dout,
                    logSumExp: view.rowValues(activations.logSumExp),
                    delta: delta,
                    dquery: dquery,
                    dkey: parts[0],
                    dvalue: parts[1],
                    scratch: scratch.tile
                )
            }
        }
    }

    /// The location of one task's rows in the matrices of the packed sequence.
    private struct View {
        let attention: ForestAttention
        let group: Int
        let queries: Range<Int>
        let tokens: Int

        init(_ attention: ForestAttention, _ task: AttentionPlan.Task, tokens: Int) {
            self.attention = attention
            self.tokens = tokens
            group = task.group
            queries = task.block.queries
        }

        /// `M`, the rows of the task's products.
        var rows: Int { queries.count * attention.heads }

        /// `[M, K]` of a head-major `[G * T, R * K]`.
        func query(_ matrix: Matrix) -> Matrix {
            let base = group * tokens
            return matrix.rows(base + queries.lowerBound..<base + queries.upperBound)
                .reshaped(rows: rows, columns: attention.width)
        }

        /// A run of keys in a head-major `[G * C, K]`.
        private func keys(_ matrix: Matrix, _ run: Range<Int>) -> Matrix {
            let base = group * (matrix.rows / attention.groups)
            return matrix.rows(base + run.lowerBound..<base + run.upperBound)
        }

        /// The keys of a tile in a head-major `[G * C, K]`: in place if they are one run, otherwise as a copy in `copy`.
        private func keys(_ matrix: Matrix, _ tile: AttentionPlan.Tile, copy: Matrix) -> Matrix {
            guard tile.runs.count > 1 else { return keys(matrix, tile.runs[0]) }
            let rows = copy.rows(0..<tile.count)
            tile.parts(of: rows).forEach { $1.copy(from: keys(matrix, $0)) }
            return rows
        }

        /// Calls `body` with matrices of the keys of a tile, to whose rows it adds what is to be added to `targets`, each a
        /// head-major `[G * T, K]`: in place if the keys are one run, otherwise by `copies`.
        func adding(
            _ tile: AttentionPlan.Tile,
            to targets: [Matrix],
            by copies: [Matrix],
            _ body: (_ parts: [Matrix]) -> Void
        ) {
            guard tile.runs.count > 1 else { return body(targets.map { keys($0, tile.runs[0]) }) }
            let rows = copies.map { $0.rows(0..<tile.count) }
            rows.forEach { $0.fill(0) }
            body(rows)
            for (target, rows) in zip(targets, rows) {
                tile.parts(of: rows).forEach { keys(target, $0).add($1) }
            }
        }

        /// `[1, M]` of a `[G, T * R]`.
        func rowValues(_ matrix: Matrix) -> Matrix {
            matrix.rows(group..<group + 1)
                .columns(queries.lowerBound * attention.heads..<queries.upperBound * attention.heads)
        }

        /// `[block, R * K]` of a token-major `[T, G * R * K]`.
        func tokenMajor(_ matrix: Matrix) -> Matrix {
            let width = attention.heads * attention.width
            return matrix.rows(queries).columns(group * width..<(group + 1) * width)
        }

        /// An `[M, K]` tile as `[block, R * K]`.
        func headMajor(_ tile: Matrix) -> Matrix {
            tile.reshaped(rows: queries.count, columns: attention.heads * attention.width)
        }

        /// The task's queries against the keys of a tile.
        func tile(_ activations: Activations, _ tile: AttentionPlan.Tile, _ scratch: Scratch) -> AttentionTile {
            AttentionTile(
                query: query(activations.query),
                key: keys(activations.key, tile, copy: scratch.gathered[0]),
                value: keys(activations.value, tile, copy: scratch.gathered[1]),
                firstVisible: tile.firstVisible,
                firstInWindow: tile.firstInWindow,
                heads: attention.heads,
                scale: attention.scale,
                cap: attention.cap
            )
        }
    }
}

extension AttentionPlan.Tile {
    /// Each run with its rows of a matrix of all keys of the tile.
    fileprivate func parts(of rows: Matrix) -> [(run: Range<Int>, rows: Matrix)] {
        var start = 0
        return runs.map { run in
            defer { start += run.count }
            return (run, rows.rows(start..<start + run.count))
        }
    }
}
