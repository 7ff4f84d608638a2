internal import Compute
package import Preferences

/// The keys that each block of queries of a packed sequence attends to, and the thread that computes it.
///
/// A query block is a run of tokens of one node. Its keys are the path from the root to its last query, cut into tiles at
/// multiples of the most keys of a tile, by depth: a tile whose keys lie in several nodes consists of several runs of rows.
/// Therefore the tiles of a query, and with them the order of its sums, depend on its path only, and not on how the path is
/// divided into nodes: attention has the same bits for all modes of sharing. There is no mask: the visible keys of a tile are
/// those whose depth does not exceed the query's.
///
/// A window counts depths: a query at depth `d` sees the keys of its path at depths above `d - window`. Tiles that no query of
/// a block sees are left out.
package struct AttentionPlan: Equatable {
    /// Keys that are adjacent on a path, of which queries of a block see some.
    package struct Tile: Equatable {
        /// Runs of the keys' row indices, in the order of the path.
        package let runs: [Range<Int>]
        /// The number of the tile's first keys that the block's first query sees, and one more for each later query.
        ///
        /// At most 0 for a query that sees none, and more than `count` for one that sees all.
        package let firstVisible: Int
        /// Index among the keys of the first one in the window of the block's first query; nil if the window of no query
        /// starts after the first key.
        ///
        /// Negative for a key before the tile, and one more for each later query.
        package let firstInWindow: Int?

        /// The number of keys.
        package var count: Int { runs.reduce(0) { $0 + $1.count } }
    }

    /// A run of queries with the keys that they see.
    package struct Block: Equatable {
        /// Row indices of the query tokens.
        package let queries: Range<Int>
        /// The keys, by depth.
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
    ///   - kept: The tokens of a chain that all roots of `row` continue, whose keys precede those of `row`.
    package init(
        row: PackedSequence,
        queries: [Int32]?,
        groups: Int,
        threads: Int,
        blockSize: Int,
        window: Int? = nil,
        kept: Int = 0
    ) {
        precondition(window.map { $0 > 0 } ?? true, "a window of at least one token")
        let blocks = Self.blocks(of: row, queries: queries, blockSize: blockSize, window: window, kept: kept)
        tasks = Self.divide(blocks, groups: groups, threads: threads)
    }

    private static func blocks(
        of row: PackedSequence,
        queries: [Int32]?,
        blockSize: Int,
        window: Int?,
        kept: Int
    ) -> [Block] {
        var spans: [[Range<Int>]] = []
        spans.reserveCapacity(row.nodes.count)
        var blocks: [Block] = []
        var nextQuery = 0
        for node in row.nodes {
            let above = node.parent < 0 ? (kept > 0 ? [0..<kept] : []) : spans[node.parent]
            let firstKey = kept + node.tokens.lowerBound
            spans.append(joined(above, firstKey..<kept + node.tokens.upperBound))
            let wanted = wantedRange(of: node.tokens, queries: queries, next: &nextQuery)
            let count = (wanted.count + blockSize - 1) / blockSize
            for index in 0..<count {
                let lower = wanted.lowerBound + wanted.count * index / count
                let upper = wanted.lowerBound + wanted.count * (index + 1) / count
                let visible = joined(above, firstKey..<kept + upper)
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
    /// The block of these queries and of what its window leaves of `spans`, the path up to its last query.
    ///
    /// - Parameter depths: Of all rows, ascending one by one from 0 along the path.
    fileprivate init(_ queries: Range<Int>, spans: [Range<Int>], depths: [Int32], window: Int?) {
        let depth = Int(depths[queries.lowerBound])
        self.queries = queries
        cost = Work.pairs(ofChain: depth + queries.count, window: window) - Work.pairs(ofChain: depth, window: window)
        let lowest = window.map { depth - $0 + 1 }
        let most = AttentionTile.mostKeys
        tiles = Self.cut(spans, most: most).enumerated().compactMap { index, runs in
            let start = index * most
            let first = lowest.map { $0 - start }
            guard first ?? 0 < most else { return nil }
            return AttentionPlan.Tile(
                runs: runs,
                firstVisible: depth + 1 - start,
                firstInWindow: first.flatMap { $0 + queries.count > 1 ? $0 : nil }
            )
        }
    }

    /// Divides a path into parts of `most` tokens, of which the last one may be smaller; each is a list of runs.
    private static func cut(_ spans: [Range<Int>], most: Int) -> [[Range<Int>]] {
        var parts: [[Range<Int>]] = []
        var free = 0
        for var span in spans {
            while !span.isEmpty {
                if free == 0 { (parts, free) = (parts + [[]], most) }
                let run = span.prefix(free)
                parts[parts.count - 1].append(run)
                (span, free) = (span.dropFirst(run.count), free - run.count)
            }
        }
        return parts
    }
}
