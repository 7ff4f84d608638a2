/// The practical peak rate of the processor: that of a large single-precision matrix product.
package enum PeakRate {
    /// Measures the rate of `1152^3` products, one on each thread of the team at the same time.
    ///
    /// A multiple of 384, OpenBLAS's block of the inner dimension, and no power of two, whose rows compete for the same
    /// sets of a cache. A product takes 30 ms at 100 GFLOP/s and reaches the rate of larger ones.
    ///
    /// Of a team with more threads than processors only as many compute: others would add memory and time, not speed.
    ///
    /// - Parameter repetitions: Products per thread; the fastest counts, so that a transient disturbance does not
    ///   lower the peak from which the model FLOPs utilization (MFU) is computed.
    /// - Returns: FLOP/s of the whole team.
    /// - Throws: `MemoryError` if the system refuses the memory.
    package static func measure(team: ThreadTeam, repetitions: Int = 3) throws -> Double {
        let size = 1152
        let active = min(team.count, Processor.availableCount)
        let buffer = try FloatBuffer(count: 3 * size * size * active)
        // Distinct normal numbers: equal operands would be atypical, denormal ones slow.
        let pattern = (0..<31 * 512).map { Float($0 % 31) * 0.01 - 0.15 }
        team.run("peak") { thread in
            let share = team.share(of: buffer.count, thread: thread)
            for start in stride(from: share.lowerBound, to: share.upperBound, by: pattern.count) {
                let count = min(pattern.count, share.upperBound - start)
                pattern.withUnsafeBufferPointer { (buffer.base + start).update(from: $0.baseAddress!, count: count) }
            }
        }
        var best = Duration.seconds(1_000_000)
        for _ in 0..<repetitions {
            let time = ContinuousClock().measure {
                team.run("peak") { thread in
                    guard thread < active else { return }
                    let block = buffer.matrix(at: thread * 3 * size * size, rows: 3 * size, columns: size)
                    multiply(
                        block.rows(0..<size),
                        block.rows(size..<2 * size).transposed,
                        into: block.rows(2 * size..<3 * size)
                    )
                }
            }
            best = min(best, time)
        }
        let flops = 2 * Double(size) * Double(size) * Double(size) * Double(active)
        return flops / (best / .seconds(1))
    }
}
