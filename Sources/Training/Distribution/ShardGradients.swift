package import Collectives
internal import Compute

/// Adds up the gradients of a rank's shards, as a balanced binary tree: `(s0 + s1) + (s2 + s3)` and so on.
///
/// Over ranks the sums go on as the same tree, so that a number of shards gives the same bits on any number of ranks. Sums wait
/// in buffers of their own until the other half of their subtree is there, as digits of a binary counter: of `n` shards
/// at most `log2 n`, beside the one that holds the last shard's gradients and then all.
package final class ShardGradients {
    /// The last shard's, and after `settle` the sum's.
    package let total: Gradients
    private let count: Int
    private var free: [Gradients]
    /// Sums of subtrees, the largest first.
    private var waiting: [Gradients] = []

    /// - Parameter shards: How many a rank has, a power of two where more than one.
    init(total: Gradients, shards: Int, _ makeBuffer: () throws -> Gradients) rethrows {
        (self.total, count) = (total, shards)
        free = try (0..<shards.trailingZeroBitCount).map { _ in try makeBuffer() }
    }

    /// A cleared buffer for the gradients of the rank's shard number `index`, asked for in order.
    func begin(_ index: Int, team: ThreadTeam) -> Gradients {
        if index == 0 {
            free += waiting
            waiting = []
        }
        let buffer = index == count - 1 ? total : free.removeLast()
        buffer.clear(team: team)
        return buffer
    }

    /// Takes the gradients of a shard that is not the last.
    func end(_ index: Int, _ gradients: Gradients, team: ThreadTeam) {
        var sum = gradients
        // As many subtrees are complete with it as its number ends in ones.
        for _ in 0..<(~index).trailingZeroBitCount {
            let left = waiting.removeLast()
            left.add(sum, 0..<sum.flat.columns, team: team)
            free.append(sum)
            sum = left
        }
        waiting.append(sum)
    }

    /// Adds to a part of the last shard's gradients, which are complete there, those of all others.
    func settle(_ part: Range<Int>, team: ThreadTeam) {
        for sum in waiting.reversed() { total.add(sum, part, team: team) }
    }
}

extension ShardGradients {
    /// Buffers for this rank's shards.
    package convenience init(_ policy: Policy, _ partition: RankPartition) throws {
        func buffer() throws -> Gradients {
            try Gradients(layout: policy.layout, configuration: policy.configuration)
        }
        try self.init(total: buffer(), shards: partition.shards.count, buffer)
    }
}

extension Gradients {
    /// Adds a part of others.
    func add(_ other: Gradients, _ part: Range<Int>, team: ThreadTeam) {
        let (sum, added) = (flat.columns(part), other.flat.columns(part))
        team.run("add shards") { member in
            let share = team.share(of: part.count, member: member)
            sum.columns(share).add(added.columns(share))
        }
    }
}
