internal import CKernels

/// A block of query rows and a run of at most `mostKeys` keys.
///
/// Row `i` belongs to query token `i / heads`. The first query token sees the first `firstVisible` keys of the tile,
/// each later token one key more (none where that is negative, at most all). With a window it does not see those before
/// key `firstInWindow`, each later token one key fewer. All matrices are contiguous.
package struct AttentionTile {
    /// The maximum number of keys in a tile.
    package static let mostKeys = Int(EK_ATTENTION_KEYS)

    let query: Matrix
    let key: Matrix
    let value: Matrix
    let firstVisible: Int
    let firstInWindow: Int?
    let heads: Int
    let scale: Float
    let cap: Float?

    /// A tile of these queries, keys and values.
    ///
    /// - Parameters:
    ///   - query: `[rows, K]`.
    ///   - key: `[keys, K]`.
    ///   - value: `[keys, K]`.
    ///   - firstInWindow: The first key in the window of the first query token, below `firstVisible`; at most 0: all
    ///     keys of the tile before `firstVisible`. Nil: no window.
    ///   - heads: The query heads that share the keys.
    ///   - scale: Factor of the products of query and key, `1 / sqrt(K)` by default.
    ///   - cap: Above 0: scores are `cap * tanh(scale * q·k / cap)`, as in Gemma 2. Nil: `scale * q·k`.
    package init(
        query: Matrix,
        key: Matrix,
        value: Matrix,
        firstVisible: Int,
        firstInWindow: Int? = nil,
        heads: Int,
        scale: Float,
        cap: Float? = nil
    ) {
        let width = query.columns
        precondition(key.columns == width && value.columns == width && value.rows == key.rows, "[keys, K]")
        precondition([query, key, value].allSatisfy(\.isContiguous), "contiguous rows")
        precondition(key.rows <= Self.mostKeys, "at most \(Self.mostKeys) keys")
        precondition(firstInWindow.map { $0 < firstVisible } ?? true, "a window of at least one key")
        precondition(cap.map { $0 > 0 } ?? true, "a cap above 0")
        self.query = query
        self.key = key
        self.value = value
        self.firstVisible = firstVisible
        self.firstInWindow = firstInWindow
        self.heads = heads
        self.scale = scale
        self.cap = cap
    }

    /// Elements of scratch memory that a tile of this head width needs.
    package static func scratchCount(width: Int) -> Int { ek_attention_scratch(width) }

    /// Runs one step of the online softmax (Milakov & Gimelshein 2018) over the tile's keys.
    ///
    /// - Parameters:
    ///   - maximum: `[1, rows]`, the running maximum of the scores, initially minus infinity.
    ///   - sum: `[1, rows]`, the running sum of `exp(score - maximum)`, initially 0.
    ///   - out: `[rows, K]`, contiguous, initially 0; rescaled to the new maximum, then added to.
    ///   - scratch: `[1, scratchCount]`.
    package func forward(maximum: Matrix, sum: Matrix, out: Matrix, scratch: Matrix) {
        checkRows(out)
        precondition(maximum.columns >= query.rows && sum.columns >= query.rows, "one maximum and sum for each row")
        recorded(.attention, flops: 4 * seenPairs * query.columns, elements: elements(passes: 2)) {
            withKernelTile(scratch) { ek_attention_forward($0, maximum.base, sum.base, out.base, scratch.base) }
        }
    }

    /// Adds the tile's contribution to the gradients.
    ///
    /// - Parameters:
    ///   - dout: `[rows, K]`, contiguous.
    ///   - logSumExp: `[1, rows]`, as the forward pass saved it.
    ///   - delta: `[1, rows]`, the dot product of each output row with its gradient.
    ///   - dquery: `[rows, K]`, contiguous, added to.
    ///   - dkey: `[keys, K]`, contiguous, added to.
    ///   - dvalue: `[keys, K]`, contiguous, added to.
    ///   - scratch: `[1, scratchCount]`.
    package func backward(
        dout: Matrix,
        logSumExp: Matrix,
        delta: Matrix,
        dquery: Matrix,
        dkey: Matrix,
        dvalue: Matrix,
        scratch: Matrix
    ) {
        for rows in [dout, dquery] { checkRows(rows) }
        for keys in [dkey, dvalue] {
            precondition(keys.rows == key.rows && keys.columns == key.columns && keys.isContiguous, "[keys, K]")
        }
        precondition(logSumExp.columns >= query.rows && delta.columns >= query.rows, "one value for each row")
        recorded(.attention, flops: 10 * seenPairs * query.columns, elements: elements(passes: 4)) {
            withKernelTile(scratch) {
                ek_attention_backward(
                    $0,
                    dout.base,
                    logSumExp.base,
                    delta.base,
                    dquery.base,
                    dkey.base,
                    dvalue.base,
                    scratch.base
                )
            }
        }
    }

    private func withKernelTile(_ scratch: Matrix, _ body: (UnsafePointer<ek_attention_tile>) -> Void) {
        precondition(scratch.rows == 1 && scratch.columns >= Self.scratchCount(width: query.columns), "enough scratch")
        let tile = ek_attention_tile(
            query: query.base,
            key: key.base,
            value: value.base,
            rows: query.rows,
            keys: key.rows,
            R: heads,
            K: query.columns,
            first_visible: firstVisible,
            first_in_window: firstInWindow ?? EK_NO_WINDOW,
            scale: scale,
            cap: cap ?? 0
        )
        withUnsafePointer(to: tile, body)
    }

    private func checkRows(_ rows: Matrix) {
        precondition(rows.rows == query.rows && rows.columns == query.columns && rows.isContiguous, "[rows, K]")
    }

    /// The number of visible pairs of query row and key: the useful part of the products.
    private var seenPairs: Int {
        let tokens = query.rows / heads
        return heads
            * (0..<tokens).reduce(0) { sum, token in
                let end = min(key.rows, max(0, firstVisible + token))
                return sum + max(0, end - max(0, firstInWindow.map { $0 + token } ?? 0))
            }
    }

    private func elements(passes: Int) -> Int { passes * (query.rows + key.rows) * query.columns }
}
