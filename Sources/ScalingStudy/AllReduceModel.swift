/// The time of an all-reduce of a gradient over nodes, with the best of the collectives that `auto` chooses from.
///
/// With `N = 2^k r` nodes, `r` odd, each exchanges halves `k` times, then with the `r - 1` that are left: `2m (k + r-1)
/// α + 2(N-1)/N n/B + (N-1)/N n γ` for `n` bytes in `m` buckets (as Thakur, Rabenseifner & Gropp, *Optimization of
/// collective communication operations in MPICH*, 2005). A direct exchange takes `N - 1` messages in place of `k +
/// r-1`, never fewer.
package struct AllReduceModel: Sendable {
    /// The algorithm of the exchange.
    package enum Algorithm: String, Sendable {
        /// Each node sends every other its slice, and then its own to all others.
        case direct
        /// Recursive halving, then doubling (Rabenseifner 2004); directly once no halves are left.
        case halving
        /// Between the ranks of a node first, in memory, then between nodes.
        case hierarchical
    }

    package let network: Network
    package let ranksPerNode: Int
    /// The bus bandwidth of an all-reduce within a node, in bytes a second.
    package let nodeBandwidth: Double

    /// The bytes of a bucket; buckets are reduced one after the other.
    private static let bucketBytes = 25.0 * 1_048_576

    /// An all-reduce over this network.
    package init(network: Network, ranksPerNode: Int = 1, nodeBandwidth: Double = 5e9) {
        (self.network, self.ranksPerNode, self.nodeBandwidth) = (network, ranksPerNode, nodeBandwidth)
    }

    /// Seconds for `bytes` on `nodes` nodes.
    package func seconds(bytes: Double, nodes: Int) -> (algorithm: Algorithm, seconds: Double) {
        let moved = Double(nodes - 1) / Double(nodes) * bytes
        let latency = Self.messages(bytes: bytes, nodes: nodes) * network.latency
        let seconds = latency + 2 * moved / network.bandwidth + moved * network.summing
        guard ranksPerNode > 1 else { return (nodes > 2 && nodes.isMultiple(of: 2) ? .halving : .direct, seconds) }
        return (.hierarchical, withinNode(bytes: bytes) + seconds)
    }

    /// Sequential messages of a node, in both phases: `2m (k + r-1)`.
    static func messages(bytes: Double, nodes: Int) -> Double {
        let halves = nodes.trailingZeroBitCount
        let buckets = (bytes / bucketBytes).rounded(.up)
        return 2 * buckets * Double(halves + (nodes >> halves) - 1)
    }

    private func withinNode(bytes: Double) -> Double {
        2 * Double(ranksPerNode - 1) / Double(ranksPerNode) * bytes / nodeBandwidth
    }
}
