internal import CKernels

/// Rates of instructions whose operands stay in registers.
extension PeakRate {
    /// A loop in registers: runs rounds, stores a number that depends on all of them, and returns the FLOPs.
    private typealias Loop = @convention(c) (Int, UnsafeMutablePointer<Float>?) -> Double

    /// Measures fused multiply-adds of float32 on all threads of the team at the same time, in FLOP/s.
    package static func float32(_ team: ThreadTeam) -> Double { rate(of: ek_peak_float32, team) }

    /// Measures products of bfloat16 by the fastest instruction, in FLOP/s; nil without one.
    package static func bfloat16(_ team: ThreadTeam) -> Double? {
        bfloat16Loops.map { rate(of: $0, team) }.max()
    }

    /// The loops of bfloat16 that this processor runs.
    private static var bfloat16Loops: [Loop] {
        (Processor.hasAVX512BFloat16 ? [ek_peak_avx512_bf16] : []) + (ek_may_use_amx_bf16() ? [ek_peak_amx_bf16] : [])
    }

    /// A repetition lasts 25 ms, longer than the threads' starts differ.
    private static let window = Duration.milliseconds(25)
    /// Some 0.1 ms between looks at the clock.
    private static let rounds = 1 << 12

    private static func rate(of loop: Loop, _ team: ThreadTeam) -> Double {
        let active = activeThreads(team)
        let rates = (0..<repetitions).map { _ in
            let start = ContinuousClock.now
            let flops = team.map("peak") { $0 < active ? computed(by: loop, since: start) : 0 }
            return flops.reduce(0, +) / ((ContinuousClock.now - start) / .seconds(1))
        }
        return rates.max() ?? 0
    }

    /// The FLOPs of one thread until the window ends.
    private static func computed(by loop: Loop, since start: ContinuousClock.Instant) -> Double {
        var (flops, result) = (0.0, Float.zero)
        repeat { flops += loop(rounds, &result) } while ContinuousClock.now - start < window
        precondition(result.isFinite, "sums in registers stay bounded")
        return flops
    }
}
