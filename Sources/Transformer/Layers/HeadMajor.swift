internal import Compute

/// The two layouts of query, key and value: token-major `[T, (H + 2G) K]`, as a product gives them, and head-major, one
/// key/value head after the other, as attention reads them: query `[G T, R K]` with `R = H / G`, key and value `[G T, K]`.
struct HeadMajor: Sendable {
    /// Key/value heads, `G`.
    let groups: Int
    /// `R K`, the query heads of one key/value head.
    let queryWidth: Int
    /// `K`.
    let width: Int

    /// Query, key and value of some tokens and one key/value head.
    typealias Heads = (query: Matrix, key: Matrix, value: Matrix)

    init(_ attention: Architecture.Attention) {
        groups = attention.keyValueHeads
        width = attention.headWidth
        queryWidth = attention.queryWidth / groups
    }

    /// Visits, group by group, the columns of token-major `projected`, `[block, (H + 2G) K]`, and the head-major rows
    /// that correspond to them.
    func forEachGroup(
        _ projected: Matrix,
        _ block: Range<Int>,
        _ query: Matrix,
        _ key: Matrix,
        _ value: Matrix,
        _ body: (_ tokenMajor: Heads, _ headMajor: Heads) -> Void
    ) {
        let keys = groups * queryWidth
        let values = keys + groups * width
        for group in 0..<groups {
            let rows = rows(of: block, group: group, tokens: query.rows / groups)
            body(
                (
                    projected.columns(group * queryWidth..<(group + 1) * queryWidth),
                    projected.columns(keys + group * width..<keys + (group + 1) * width),
                    projected.columns(values + group * width..<values + (group + 1) * width)
                ),
                (query.rows(rows), key.rows(rows), value.rows(rows))
            )
        }
    }

    /// Adds the block's rows of all `parts`, each `[G T, K]` of one thread, to the first's, in their order.
    func addThreads(_ parts: [Matrix], _ block: Range<Int>) {
        for part in parts.dropFirst() {
            for group in 0..<groups {
                let rows = rows(of: block, group: group, tokens: part.rows / groups)
                parts[0].rows(rows).add(part.rows(rows))
            }
        }
    }

    private func rows(of block: Range<Int>, group: Int, tokens: Int) -> Range<Int> {
        group * tokens + block.lowerBound..<group * tokens + block.upperBound
    }
}
