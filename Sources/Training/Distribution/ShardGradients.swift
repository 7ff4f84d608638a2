package import Collectives
internal import Compute
package import Transformer

/// Sums the gradients of a rank's shards as a balanced binary tree: `(s0 + s1) + (s2 + s3)` and so on.
///
/// The sums over ranks continue the same tree, so that a number of shards gives the same bits on any number of ranks.
/// Partial sums wait in separate buffers for the other half of their subtree, like digits of a binary counter: at most
/// `log2 n` for `n` shards, in addition to the buffer of the last shard and of the total.
package final class ShardGradients {
    /// The gradients of the last shard, and after `settle` the sum.
    package let total: ParameterBuffer
    private let count: Int
    private var free: [ParameterBuffer]
    /// Sums of subtrees, the largest first.
    private var waiting: [ParameterBuffer] = []

    /// - Parameter shards: The number of shards of a rank, 1 or a power of two.
    init(total: ParameterBuffer, shards: Int, _ makeBuffer: () throws -> ParameterBuffer) rethrows {
        (self.total, count) = (total, shards)
        free = try (0..<shards.trailingZeroBitCount).map { _ in try makeBuffer() }
    }

    /// Returns a cleared buffer for the gradients of the rank's shard `index`; called in order.
    func begin(_ index: Int, team: ThreadTeam) -> ParameterBuffer {
        if index == 0 {
            free += waiting
            waiting = []
        }
        let buffer = index == count - 1 ? total : free.removeLast()
        buffer.clear(team: team)
        return buffer
    }

    /// Takes back the gradients of a shard other than the last.
    func end(_ index: Int, _ gradients: ParameterBuffer, team: ThreadTeam) {
        var sum = gradients
        // The number of completed subtrees is that of trailing ones in the index.
        for _ in 0..<(~index).trailingZeroBitCount {
            let left = waiting.removeLast()
            left.add(sum, 0..<sum.flat.columns, team: team)
            free.append(sum)
            sum = left
        }
        waiting.append(sum)
    }

    /// Adds the gradients of all other shards to a part of the last shard's, which are complete there.
    func settle(_ part: Range<Int>, team: ThreadTeam) {
        for sum in waiting.reversed() { total.add(sum, part, team: team) }
    }
}

extension ShardGradients {
    /// Buffers for this rank's shards.
    package convenience init(_ policy: Policy, _ partition: RankPartition) throws {
        func buffer() throws -> ParameterBuffer {
            try ParameterBuffer(policy.layout)
        }
        try self.init(total: buffer(), shards: partition.shards.count, buffer)
    }
}

extension ParameterBuffer {
    /// Adds a part of other gradients.
    func add(_ other: ParameterBuffer, _ part: Range<Int>, team: ThreadTeam) {
        let (sum, added) = (flat.columns(part), other.flat.columns(part))
        team.run("add shards") { thread in
            let share = team.share(of: part.count, thread: thread)
            sum.columns(share).add(added.columns(share))
        }
    }
}
