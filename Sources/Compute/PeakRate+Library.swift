/// The rate of the library's matrix products.
extension PeakRate {
    /// Measures `1152^3` products, one on each thread of the team at the same time, in FLOP/s.
    ///
    /// A multiple of 384, OpenBLAS's block of the inner dimension, and no power of two, whose rows compete for the same
    /// sets of a cache. A product takes 30 ms at 100 GFLOP/s and reaches the rate of larger ones.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package static func library(_ team: ThreadTeam) throws -> Double {
        let size = 1152
        let active = activeThreads(team)
        let buffer = try FloatBuffer(count: 3 * size * size * active)
        fill(buffer, team)
        let times = (0..<repetitions).map { _ in
            ContinuousClock().measure {
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
        }
        let flops = 2 * Double(size) * Double(size) * Double(size) * Double(active)
        return flops / (times.min()! / .seconds(1))
    }

    /// Fills a buffer with distinct normal numbers: equal operands would be atypical, denormal ones slow.
    private static func fill(_ buffer: borrowing FloatBuffer, _ team: ThreadTeam) {
        let pattern = (0..<31 * 512).map { index -> Float in Float(index % 31) * 0.01 - 0.15 }
        team.run("peak") { thread in
            let share = team.share(of: buffer.count, thread: thread)
            for start in stride(from: share.lowerBound, to: share.upperBound, by: pattern.count) {
                let count = min(pattern.count, share.upperBound - start)
                pattern.withUnsafeBufferPointer { (buffer.base + start).update(from: $0.baseAddress!, count: count) }
            }
        }
    }
}
