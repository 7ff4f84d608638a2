/// The practical peak rate of the processor: that of a large single-precision matrix product.
package enum PeakRate {
    /// Measures the rate of `2048^3` products, one on each thread of the team at the same time.
    ///
    /// Of a team with more threads than processors only as many compute: others would add memory and time, not speed.
    ///
    /// - Parameter repetitions: Products per thread; the fastest counts, so that a transient disturbance does not
    ///   lower the peak from which the model FLOPs utilization (MFU) is computed.
    /// - Returns: FLOP/s of the whole team.
    /// - Throws: `MemoryError` if the system refuses the memory.
    package static func measure(team: ThreadTeam, repetitions: Int = 3) throws -> Double {
        let size = 2048
        let active = min(team.count, Processor.availableCount)
        let buffer = try FloatBuffer(count: 3 * size * size * active)
        team.run("peak") { thread in
            // Distinct normal numbers: equal operands would be atypical, denormal ones slow.
            for index in team.share(of: buffer.count, thread: thread) {
                buffer.base[index] = Float(index % 31) * 0.01 - 0.15
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
