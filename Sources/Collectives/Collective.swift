/// How gradients are summed over ranks, and updated weights gathered.
package enum Collective: String, Codable, CaseIterable, Sendable {
    /// The fastest, as measured at the start, of those that sum in the same order: direct, halving, hierarchical.
    case auto
    /// The MPI library's own algorithm.
    case mpi
    case ring
    /// Recursive halving, nearest rank first.
    case halving
    /// Every rank sends each slice to its owner.
    case direct
    /// Direct exchange between the ranks of each host, then between hosts.
    case hierarchical

    /// Whether sums have the same bits as those of all other collectives with this property.
    package var keepsOrder: Bool { self != .mpi && self != .ring }
}

/// The number format in which gradients are sent.
package enum ReduceDType: String, Codable, CaseIterable, Sendable {
    case float32, bfloat16
}
