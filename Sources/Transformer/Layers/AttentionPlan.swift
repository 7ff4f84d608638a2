internal import Compute
package import Preferences

/// The keys that each block of queries of a packed sequence attends to, and the thread that computes it.
///
/// A query block is a run of tokens of one node. It sees the spans of the node's ancestors and its own node up to each
/// token; spans that touch are one. There is no mask: within a span the visible keys are those whose row index does
/// not exceed the query's.
///
/// A window counts depths: a query at depth `d` sees the keys of its path at depths above `d - window`. Depths ascend
/// one by one within a span, so that it clips each span at its start, and keys that no query of a block sees are in
/// none of its tiles.
package struct AttentionPlan: Equatable {
    /// A run of keys that some queries of a block see.
    package struct Tile: Equatable {
        /// Row indices.
        package let keys: Range<Int>
        /// Index in `keys` of the first key in the window of the block's first query; nil if the window of no query
        /// starts after the first key.
        ///
        /// Negative for a key before the tile, and one more for each later query.
        package let firstInWindow: Int?
    }

    /// A run of queries with the keys that they see.
    package struct Block: Equatable {
        /// Row indices of the query tokens.
        package let queries: Range<Int>
        /// The keys, ascending.
        package let tiles: [Tile]
        /// Visible pairs of query and key: the cost by which blocks are divided.
        package let cost: Int
    }

    /// A block together with the key/value head that it is computed for.
    package struct Task: Equatable {
        package let block: Block
        package let group: Int
    }

    /// `tasks[thread]`: contiguous shares of about equal cost, all blocks of one head before those of the next.
    package let tasks: [[Task]]

    /// The plan of the packed sequence `row` for `threads` threads.
    ///
    /// - Parameters:
    ///   - queries: Row indices whose attention output is needed, ascending; nil for all.
    ///   - blockSize: The most query tokens in a block.
    ///   - window: The number of tokens of its path that a query sees, itself included; nil: all.
    package init(
        row: PackedSequence,
        queries: [Int32]?,
        groups: Int,
        threads: Int,
        blockSize: Int,
        window: Int? = nil
    ) {
        precondition(window.map { $0 > 0 } ?? true, "a window of at least one token")
        let blocks = Self.blocks(of: row, queries: queries, blockSize: blockSize, window: window)
        tasks = Self.divide(blocks, groups: groups, threads: threads)
    }

    private static func blocks(of row: PackedSequence, queries: [Int32]?, blockSize: Int, window: Int?) -> [Block] {
        var spans: [[Range<Int>]] = []
        spans.reserveCapacity(row.nodes.count)
        var blocks: [Block] = []
        var nextQuery = 0
        for node in row.nodes {
            let above = node.parent < 0 ? [] : spans[node.parent]
            spans.append(joined(above, node.tokens))
            let wanted = wantedRange(of: node.tokens, queries: queries, next: &nextQuery)
            let count = (wanted.count + blockSize - 1) / blockSize
            for index in 0..<count {
                let lower = wanted.lowerBound + wanted.count * index / count
                let upper = wanted.lowerBound + wanted.count * (index + 1) / count
                let visible = joined(above, node.tokens.lowerBound..<upper)
                blocks.append(Block(lower..<upper, spans: visible, depths: row.positions, window: window))
            }
        }
        return blocks
    }

    /// The range from the first to the last requested row of a node; `next` iterates over the ascending `queries` once.
    private static func wantedRange(of tokens: Range<Int>, queries: [Int32]?, next: inout Int) -> Range<Int> {
        guard let queries else { return tokens }
        let first = next
        while next < queries.count, Int(queries[next]) < tokens.upperBound { next += 1 }
        return first == next ? tokens.lowerBound..<tokens.lowerBound : Int(queries[first])..<Int(queries[next - 1]) + 1
    }

    private static func joined(_ spans: [Range<Int>], _ last: Range<Int>) -> [Range<Int>] {
        guard let previous = spans.last, previous.upperBound == last.lowerBound else { return spans + [last] }
        return spans.dropLast() + [previous.lowerBound..<last.upperBound]
    }

    private static func divide(_ blocks: [Block], groups: Int, threads: Int) -> [[Task]] {
        let total = blocks.reduce(0) { $0 + $1.cost } * groups
        var tasks = Array(repeating: [Task](), count: threads)
        var done = 0
        for group in 0..<groups {
            for block in blocks {
                // The thread in whose share the middle of the block's cost falls.
                let middle = done + block.cost / 2
                tasks[min(threads - 1, middle * threads / max(total, 1))].append(Task(block: block, group: group))
                done += block.cost
            }
        }
        return tasks
    }
}

extension AttentionPlan.Block {
    /// The block of these queries and of what its window leaves of `spans`, the keys up to its last query.
    ///
    /// - Parameter depths: Of all rows, ascending one by one within a span and within the queries.
    fileprivate init(_ queries: Range<Int>, spans: [Range<Int>], depths: [Int32], window: Int?) {
        let depth = Int(depths[queries.lowerBound])
        self.queries = queries
        cost = Work.pairs(ofChain: depth + queries.count, window: window) - Work.pairs(ofChain: depth, window: window)
        guard let window else {
            tiles = spans.flatMap(Self.cut).map { AttentionPlan.Tile(keys: $0, firstInWindow: nil) }
            return
        }
        let lowest = depth - window + 1
        tiles = spans.flatMap { span in
            let start = span.lowerBound + max(0, lowest - Int(depths[span.lowerBound]))
            return start < span.upperBound ? Self.cut(start..<span.upperBound) : []
        }
        .map { keys in
            let first = lowest - Int(depths[keys.lowerBound])
            return AttentionPlan.Tile(keys: keys, firstInWindow: first + queries.count > 1 ? first : nil)
        }
    }

    /// Tiles of about equal size, all but the last a multiple of the step by which keys are worked on.
    private static func cut(_ span: Range<Int>) -> [Range<Int>] {
        let (most, step) = (AttentionTile.mostKeys, AttentionTile.keyStep)
        let count = (span.count + most - 1) / most
        let size = ((span.count + count - 1) / count + step - 1) / step * step
        return stride(from: span.lowerBound, to: span.upperBound, by: size).map { $0..<min($0 + size, span.upperBound) }
    }
}
