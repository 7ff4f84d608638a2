package import Collectives
package import Compute

extension PeakRate {
    /// What all ranks can do together, in FLOP/s, measured on all at once: what they take from each other counts.
    package static func measure(team: ThreadTeam, communicator: any Communicator) throws -> Double {
        try communicator.barrier()
        let rate = try communicator.agree { try measure(team: team) }
        return try communicator.sum([rate])[0]
    }
}
