package import Collectives
package import Compute

extension PeakRate {
    /// Measures the rates of all ranks together, each on all ranks at the same time, so that shared resources count.
    ///
    /// Without an instruction for bfloat16 on any rank, the rate of bfloat16 is nil. Collective.
    ///
    /// - Parameter products: Those whose number format the limit is of.
    package static func measure(
        team: ThreadTeam,
        products: Products = .float32,
        communicator: any Communicator
    ) throws -> PeakRate {
        let own = try measureOwn(team: team, communicator: communicator)
        let sums = try communicator.sum([own.float32, own.bfloat16 ?? 0, own.library, own.bfloat16 == nil ? 0 : 1])
        let haveBFloat16 = sums[3] == Double(communicator.size)
        var rate = PeakRate(float32: sums[0], bfloat16: haveBFloat16 ? sums[1] : nil, library: sums[2])
        rate.isOfBFloat16 = products.roundsOperands
        return rate
    }

    /// Measures the rates of this rank, each on all ranks at the same time; collective.
    package static func measureOwn(team: ThreadTeam, communicator: any Communicator) throws -> PeakRate {
        try communicator.barrier()
        let float32 = Self.float32(team)
        try communicator.barrier()
        let bfloat16 = Self.bfloat16(team)
        try communicator.barrier()
        let library = try communicator.agree { try Self.library(team) }
        return PeakRate(float32: float32, bfloat16: bfloat16, library: library)
    }
}
