/// The most that the processors compute, in FLOP/s: of the threads of a team at the same time, or of all ranks together.
package struct PeakRate: Sendable, Equatable {
    /// Fused multiply-adds of float32 in registers, which no product exceeds.
    package var float32: Double
    /// Products of bfloat16 in registers, summed in float32; nil without an instruction for them.
    package var bfloat16: Double?
    /// The library's best product: of large float32 matrices.
    package var library: Double
    /// Whether the operands of products are bfloat16, so that `limit` is their rate.
    package var isOfBFloat16 = false

    /// Rates in FLOP/s.
    package init(float32: Double, bfloat16: Double?, library: Double) {
        self.float32 = float32
        self.bfloat16 = bfloat16
        self.library = library
    }

    /// Before any measurement.
    package static let unmeasured = PeakRate(float32: 0, bfloat16: nil, library: 0)

    /// The rate that utilizations (`mfu`) and shares of the peak refer to: that of registers in the number format of the
    /// products with weights.
    package var limit: Double { isOfBFloat16 ? bfloat16 ?? float32 : float32 }

    /// Measures each rate on all threads of the team at the same time.
    ///
    /// Of a team with more threads than processors only as many compute: others would add memory and time, not speed.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package static func measure(team: ThreadTeam) throws -> PeakRate {
        PeakRate(float32: float32(team), bfloat16: bfloat16(team), library: try library(team))
    }

    /// The number of threads of a team that compute: at most one for each processor.
    static func activeThreads(_ team: ThreadTeam) -> Int { min(team.count, Processor.availableCount) }
    /// The fastest of a few repetitions counts, so that a transient disturbance does not lower the peak.
    static let repetitions = 3
}
