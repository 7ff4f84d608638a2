internal import Collectives
internal import Compute
internal import Formats
internal import Transformer

/// AdamW's moments between the ranks that keep them, each for its slices, and rank 0, which writes and reads them whole.
struct Moments {
    /// Which of the two.
    enum Kind: String, CaseIterable { case first, second }

    let slices: ParameterSlices
    let optimizer: Optimizer
    let communicator: any Communicator

    /// Brings all together on rank 0; every rank calls it.
    ///
    /// - Parameter whole: Of rank 0 alone: where the first and the second moments go, in the layout's order.
    func collect(into whole: (first: Matrix, second: Matrix)?, team: ThreadTeam) throws {
        try collect(.first, into: whole?.first, team: team)
        try collect(.second, into: whole?.second, team: team)
    }

    /// Brings those of one kind together on rank 0; every rank calls it for both, the first moments before the second.
    func collect(_ kind: Kind, into whole: Matrix?, team: ThreadTeam) throws {
        let own = optimizer.moments
        try collect(kind == .first ? own.first : own.second, into: whole, team: team)
    }

    /// Gives each rank its slices of what rank 0 reads; every rank calls it.
    ///
    /// - Parameters:
    ///   - scratch: Of all parameters; overwritten on rank 0.
    ///   - read: Fills it on rank 0 with the moments of this prefix.
    func distribute(scratch: Matrix, _ read: (_ prefix: String, _ whole: Matrix) throws -> Void) throws {
        let own = optimizer.moments
        for (prefix, part) in [("first.", own.first), ("second.", own.second)] {
            try communicator.agree { if communicator.rank == 0 { try read(prefix, scratch) } }
            try distribute(scratch, to: part)
        }
    }

    private func collect(_ own: Matrix, into whole: Matrix?, team: ThreadTeam) throws {
        guard let whole else {
            precondition(communicator.rank > 0, "rank 0 collects")
            return try forEachSlice(of: communicator.rank, own) { part, _ in
                try part.withSpan { try communicator.send($0, to: 0) }
            }
        }
        forEachSlice(of: 0, own) { part, range in
            let place = whole.columns(range)
            team.run("snapshot") { member in
                let share = team.share(of: range.count, member: member)
                place.columns(share).copy(from: part.columns(share))
            }
        }
        for rank in 1..<max(communicator.size, 1) {
            for range in slices.slices(of: rank) where !range.isEmpty {
                try whole.columns(range).withMutableSpan { try communicator.receive(&$0, from: rank) }
            }
        }
    }

    private func distribute(_ whole: Matrix, to own: Matrix) throws {
        guard communicator.rank == 0 else {
            return try forEachSlice(of: communicator.rank, own) { part, _ in
                try part.withMutableSpan { try communicator.receive(&$0, from: 0) }
            }
        }
        forEachSlice(of: 0, own) { part, range in part.copy(from: whole.columns(range)) }
        for rank in 1..<max(communicator.size, 1) {
            for range in slices.slices(of: rank) where !range.isEmpty {
                try whole.columns(range).withSpan { try communicator.send($0, to: rank) }
            }
        }
    }

    /// A rank's slices, one after the other in its moments, each with its elements in the layout.
    private func forEachSlice(of rank: Int, _ own: Matrix, _ body: (Matrix, Range<Int>) throws -> Void) rethrows {
        var offset = 0
        for range in slices.slices(of: rank) where !range.isEmpty {
            try body(own.columns(offset..<offset + range.count), range)
            offset += range.count
        }
    }
}
