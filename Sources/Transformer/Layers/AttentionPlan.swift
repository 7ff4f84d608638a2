internal import Compute
internal import Preferences

/// The keys that each block of queries of a packed sequence attends to, and the thread that computes it.
///
/// A query block is a run of tokens of one node. It sees the spans of the node's ancestors and its own node up to each
/// token; spans that touch are one. There is no mask: within a span the visible keys are those whose row index does
/// not exceed the query's.
struct AttentionPlan {
    struct Block {
        /// Row indices of the query tokens.
        let queries: Range<Int>
        /// Row indices of the keys, ascending, cut into tiles.
        let tiles: [Range<Int>]

        /// Unmasked score entries: the cost by which blocks are divided.
        var cost: Int {
            let visible = tiles.reduce(0) { $0 + $1.count }
            return visible * queries.count - queries.count * (queries.count - 1) / 2
        }
    }

    /// A block together with the key/value head that it is computed for.
    struct Task {
        let block: Block
        let group: Int
    }

    /// `tasks[thread]`: contiguous shares of about equal cost, all blocks of one head before those of the next.
    let tasks: [[Task]]

    /// - Parameters:
    ///   - queries: Row indices whose attention output is needed, ascending; nil for all.
    ///   - blockSize: The most query tokens in a block.
    init(row: PackedSequence, queries: [Int32]?, groups: Int, threads: Int, blockSize: Int) {
        let blocks = Self.blocks(of: row, queries: queries, blockSize: blockSize)
        tasks = Self.divide(blocks, groups: groups, threads: threads)
    }

    private static func blocks(of row: PackedSequence, queries: [Int32]?, blockSize: Int) -> [Block] {
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
                blocks.append(Block(queries: lower..<upper, tiles: visible.flatMap(cut)))
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

    /// Tiles of about equal size, all but the last a multiple of the step by which keys are worked on.
    private static func cut(_ span: Range<Int>) -> [Range<Int>] {
        let (most, step) = (AttentionTile.mostKeys, AttentionTile.keyStep)
        let count = (span.count + most - 1) / most
        let size = ((span.count + count - 1) / count + step - 1) / step * step
        return stride(from: span.lowerBound, to: span.upperBound, by: size).map { $0..<min($0 + size, span.upperBound) }
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
