internal import Testing
internal import Training

struct SpikeHistoryTests {
    /// A history of `count` steps with values that alternate around 1.
    private func history(_ count: Int) -> SpikeHistory {
        var history = SpikeHistory()
        for step in 0..<count {
            let value = step % 2 == 0 ? 0.9 : 1.1
            let isSpike = history.note(loss: value, gradientNorm: 10 * value, factor: 2)
            #expect(!isSpike)
        }
        return history
    }

    @Test("a loss or a norm beyond the factor times its median is a spike, once there are enough steps")
    func spikes() {
        func isSpike(_ count: Int, loss: Double, gradientNorm: Double) -> Bool {
            var history = history(count)
            return history.note(loss: loss, gradientNorm: gradientNorm, factor: 2)
        }
        for count in [16, 17, 200] {
            #expect(isSpike(count, loss: 2.3, gradientNorm: 10))
            #expect(isSpike(count, loss: 1, gradientNorm: 23))
            #expect(!isSpike(count, loss: 1.7, gradientNorm: 17))
        }
        #expect(!isSpike(15, loss: 1000, gradientNorm: 1000))
    }

    @Test("negative losses detect no spike, norms do")
    func negative() {
        var history = SpikeHistory()
        let flags = (0..<20).map { _ in history.note(loss: -1, gradientNorm: 1, factor: 2) }
        #expect(flags == Array(repeating: false, count: 20))
        let byLoss = history.note(loss: 5, gradientNorm: 1, factor: 2)
        let byNorm = history.note(loss: -1, gradientNorm: 2.1, factor: 2)
        #expect(!byLoss && byNorm)
    }

    @Test("steps longer ago than the window are forgotten")
    func window() {
        var history = history(100)
        // All of them are spikes until they become the median.
        var count = 0
        while history.note(loss: 5, gradientNorm: 50, factor: 2), count < 1000 { count += 1 }
        #expect(count == 32)
    }
}
