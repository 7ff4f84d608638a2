internal import Compute

/// The two layouts of query, key and value: token-major `[T, (H + 2G) K]`, as a product gives them, and head-major, one
/// key/value head after the other, as attention reads them: query `[G T, R K]` with `R = H / G`, key and value `[G C, K]`, with
/// `C = T` unless there are keys of other tokens.
///
/// Token-major columns are those of all queries, all keys and all values, or, interleaved, of query, key and value of one
/// head after the other.
struct HeadMajor: Sendable {
    /// Key/value heads, `G`.
    let groups: Int
    /// `R K`, the query heads of one key/value head.
    let queryWidth: Int
    /// `K`.
    let width: Int
    private let isInterleaved: Bool

    /// Query, key and value of some tokens and one key/value head.
    typealias Heads = (query: Matrix, key: Matrix, value: Matrix)

    init(_ attention: Architecture.Attention) {
        groups = attention.keyValueHeads
        width = attention.headWidth
        queryWidth = attention.queryWidth / groups
        isInterleaved = attention.projection == .interleaved
    }

    /// The token-major columns of query, key and value of one key/value head.
    private func columns(group: Int) -> (query: Range<Int>, key: Range<Int>, value: Range<Int>) {
        func range(_ start: Int, _ count: Int) -> Range<Int> { start..<start + count }
        guard !isInterleaved else {
            let start = group * 3 * width
            return (range(start, width), range(start + width, width), range(start + 2 * width, width))
        }
        let keys = groups * queryWidth
        let values = keys + groups * width
        return (
            range(group * queryWidth, queryWidth), range(keys + group * width, width),
            range(values + group * width, width)
        )
    }

    /// Visits, group by group, the columns of token-major `projected`, `[block, (H + 2G) K]`, and the head-major rows
    /// that correspond to them.
    ///
    /// - Parameter firstKey: The number of rows of `key` and `value` before those of the first token.
    func forEachGroup(
        _ projected: Matrix,
        _ block: Range<Int>,
        _ query: Matrix,
        _ key: Matrix,
        _ value: Matrix,
        firstKey: Int = 0,
        _ body: (_ tokenMajor: Heads, _ headMajor: Heads) -> Void
    ) {
        for group in 0..<groups {
            let columns = columns(group: group)
            let queries = rows(of: block, group: group, tokens: query.rows / groups)
            let block = block.lowerBound + firstKey..<block.upperBound + firstKey
            let keys = rows(of: block, group: group, tokens: key.rows / groups)
            body(
                (projected.columns(columns.query), projected.columns(columns.key), projected.columns(columns.value)),
                (query.rows(queries), key.rows(keys), value.rows(keys))
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
