/// What adding up a gradient over nodes takes, by the best of the algorithms.
///
/// Formulas of Thakur, Rabenseifner & Gropp, *Optimization of collective communication operations in MPICH* (2005); `n`
/// bytes, `N` nodes, `m` pieces that pay for latency one after the other.
package struct AllReduceModel: Sendable {
    /// How nodes exchange.
    package enum Algorithm: String, Sendable {
        /// Reduce-scatter and all-gather around a ring.
        case ring
        /// Recursive halving, then doubling (Rabenseifner 2004).
        case halving
        /// Ranks of a node first, in its memory, then one of the others over nodes.
        case hierarchical
    }

    package let network: Network
    package let ranksPerNode: Int
    /// Bytes a second at which ranks of one node add up, as bus bandwidth.
    package let nodeBandwidth: Double

    /// A gradient is reduced in pieces of so many bytes.
    static let pieceBytes = 25.0 * 1_048_576

    /// An all-reduce over this network.
    package init(network: Network, ranksPerNode: Int = 1, nodeBandwidth: Double = 5e9) {
        (self.network, self.ranksPerNode, self.nodeBandwidth) = (network, ranksPerNode, nodeBandwidth)
    }

    /// Seconds for `bytes` on so many nodes, by the best algorithm.
    package func seconds(bytes: Double, nodes: Int) -> (algorithm: Algorithm, seconds: Double) {
        let ring = ring(bytes: bytes, nodes: nodes)
        let halving = halving(bytes: bytes, nodes: nodes)
        let flat: (Algorithm, Double) = halving < ring ? (.halving, halving) : (.ring, ring)
        guard ranksPerNode > 1 else { return flat }
        return (.hierarchical, withinNode(bytes: bytes) + flat.1)
    }

    /// `2m(N-1) α + 2(N-1)/N n/B + (N-1)/N n γ`.
    package func ring(bytes: Double, nodes: Int) -> Double {
        let others = Double(nodes - 1)
        return 2 * pieces(of: bytes) * others * network.latency + moved(bytes, share: others / Double(nodes))
    }

    /// `2m lg N α + 2(N-1)/N n/B + (N-1)/N n γ` for a power of two.
    ///
    /// Of other numbers the nodes beyond the largest power within send all to others first, and get all back in the end:
    /// `2m α + 2n/B + n γ` more.
    package func halving(bytes: Double, nodes: Int) -> Double {
        var (power, rounds) = (1, 0.0)
        while 2 * power <= nodes { (power, rounds) = (2 * power, rounds + 1) }
        let isPower = power == nodes
        let share = Double(power - 1) / Double(power) + (isPower ? 0 : 1)
        let latency = 2 * pieces(of: bytes) * (rounds + (isPower ? 0 : 1)) * network.latency
        return latency + moved(bytes, share: share)
    }

    /// A share of the bytes there, where they are added, and back.
    private func moved(_ bytes: Double, share: Double) -> Double {
        2 * share * bytes / network.bandwidth + share * bytes * network.summing
    }

    private func withinNode(bytes: Double) -> Double {
        2 * Double(ranksPerNode - 1) / Double(ranksPerNode) * bytes / nodeBandwidth
    }

    private func pieces(of bytes: Double) -> Double { Self.pieces(of: bytes) }

    /// The number of pieces that are reduced one after the other.
    static func pieces(of bytes: Double) -> Double { (bytes / pieceBytes).rounded(.up) }
}
