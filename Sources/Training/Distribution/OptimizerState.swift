internal import Collectives
internal import Compute
internal import Formats
internal import Transformer

/// What each rank keeps for its slices: AdamW's moments, and the master weights of those in 16 bits.
///
/// Rank 0 reads and writes them whole.
struct OptimizerState {
    /// One number for each weight.
    enum Kind: String, CaseIterable { case first, second, masters }

    let partition: RankPartition
    let optimizer: Optimizer
    let communicator: any Communicator

    /// What there is, in the order in which ranks send it.
    var kinds: [Kind] { Kind.allCases.filter { own($0) != nil } }

    /// Gathers all of it on rank 0; collective.
    ///
    /// - Parameter whole: On rank 0, the destination; without master weights, its weights are not changed.
    func gather(into whole: TrainedTensors?, team: ThreadTeam) throws {
        for kind in kinds { try gather(kind, into: whole?[kind], team: team) }
    }

    /// Gathers one kind on rank 0; collective.
    ///
    /// - Parameter whole: On rank 0, the destination, in the layout's order.
    func gather(_ kind: Kind, into whole: Matrix?, team: ThreadTeam) throws {
        guard let own = own(kind) else { preconditionFailure("\(kind) of this optimizer") }
        try gather(own, into: whole, team: team)
    }

    /// The trained weights in float32 on rank 0; collective.
    ///
    /// - Parameter scratch: A buffer of all parameters, overwritten on rank 0 if the weights are in 16 bits.
    func gatherWeights(of policy: Policy, scratch: Matrix) throws -> Matrix {
        guard optimizer.masters != nil else { return policy.flat }
        try gather(.masters, into: communicator.rank == 0 ? scratch : nil, team: policy.team)
        return scratch
    }

    private func own(_ kind: Kind) -> Matrix? {
        switch kind {
        case .first: optimizer.moments.first
        case .second: optimizer.moments.second
        case .masters: optimizer.masters
        }
    }

    /// Scatters the moments that rank 0 reads to the slices of the ranks; collective.
    ///
    /// - Parameters:
    ///   - scratch: A buffer of all parameters, overwritten on rank 0.
    ///   - read: Fills the buffer on rank 0 with the moments of a prefix.
    func scatter(scratch: Matrix, _ read: (_ prefix: String, _ whole: Matrix) throws -> Void) throws {
        let own = optimizer.moments
        for (prefix, part) in [("first.", own.first), ("second.", own.second)] {
            try communicator.agree { if communicator.rank == 0 { try read(prefix, scratch) } }
            try scatter(scratch, to: part)
        }
    }

    private func gather(_ own: Matrix, into whole: Matrix?, team: ThreadTeam) throws {
        guard let whole else {
            precondition(communicator.rank > 0, "rank 0 gathers")
            return try forEachSlice(of: communicator.rank, own) { part, _ in
                try part.withSpan { try communicator.send($0, to: 0) }
            }
        }
        forEachSlice(of: 0, own) { part, range in
            let place = whole.columns(range)
            team.run("snapshot") { thread in
                let share = team.share(of: range.count, thread: thread)
                place.columns(share).copy(from: part.columns(share))
            }
        }
        for rank in 1..<max(communicator.size, 1) {
            for range in partition.slices(of: rank) where !range.isEmpty {
                try whole.columns(range).withMutableSpan { try communicator.receive(&$0, from: rank) }
            }
        }
    }

    private func scatter(_ whole: Matrix, to own: Matrix) throws {
        guard communicator.rank == 0 else {
            return try forEachSlice(of: communicator.rank, own) { part, _ in
                try part.withMutableSpan { try communicator.receive(&$0, from: 0) }
            }
        }
        forEachSlice(of: 0, own) { part, range in part.copy(from: whole.columns(range)) }
        for rank in 1..<max(communicator.size, 1) {
            for range in partition.slices(of: rank) where !range.isEmpty {
                try whole.columns(range).withSpan { try communicator.send($0, to: rank) }
            }
        }
    }

    /// Visits a rank's slices, consecutive in its moments, with their elements in the layout.
    private func forEachSlice(of rank: Int, _ own: Matrix, _ body: (Matrix, Range<Int>) throws -> Void) rethrows {
        var offset = 0
        for range in partition.slices(of: rank) where !range.isEmpty {
            try body(own.columns(offset..<offset + range.count), range)
            offset += range.count
        }
    }
}
