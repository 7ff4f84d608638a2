/// How gradients are summed over ranks, and updated weights gathered.
package enum Collective: String, Codable, CaseIterable, Sendable {
    /// The fastest at the start of those that add up in the same order: direct, halving, hierarchical.
    case auto
    /// The MPI library's own.
    case mpi
    case ring
    /// Recursive halving, the nearest rank first.
    case halving
    /// Every rank sends each slice to its owner.
    case direct
    /// Directly between the ranks of each host, then between hosts.
    case hierarchical

    /// Whether sums have the same bits as those of the other collectives of which this holds.
    package var keepsOrder: Bool { self != .mpi && self != .ring }
}

/// What a gradient is rounded to before it is sent.
package enum ReduceDType: String, Codable, CaseIterable, Sendable {
    case float32, bfloat16
}
