package import Collectives
package import Compute

extension PeakRate {
    /// Measures the FLOP/s of all ranks together, on all at the same time, so that shared resources count.
    package static func measure(team: ThreadTeam, communicator: any Communicator) throws -> Double {
        try communicator.barrier()
        let rate = try communicator.agree { try measure(team: team) }
        return try communicator.sum([rate])[0]
    }
}
