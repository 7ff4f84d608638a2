internal import Testing
internal import Training

struct SpikeHistoryTests {
    /// A history of `count` steps of alternating values about 1.
    private func history(_ count: Int) -> SpikeHistory {
        var history = SpikeHistory()
        for step in 0..<count {
            let value = step % 2 == 0 ? 0.9 : 1.1
            let leaps = history.note(loss: value, gradientNorm: 10 * value, factor: 2)
            #expect(!leaps)
        }
        return history
    }

    @Test("a loss or a norm beyond the factor times its median is a spike, once there are enough steps")
    func leaps() {
        func leaps(_ count: Int, loss: Double, gradientNorm: Double) -> Bool {
            var history = history(count)
            return history.note(loss: loss, gradientNorm: gradientNorm, factor: 2)
        }
        for count in [16, 17, 200] {
            #expect(leaps(count, loss: 2.3, gradientNorm: 10))
            #expect(leaps(count, loss: 1, gradientNorm: 23))
            #expect(!leaps(count, loss: 1.7, gradientNorm: 17))
        }
        #expect(!leaps(15, loss: 1000, gradientNorm: 1000))
    }

    @Test("losses below 0 detect nothing, norms do")
    func negative() {
        var history = SpikeHistory()
        let calm = (0..<20).map { _ in history.note(loss: -1, gradientNorm: 1, factor: 2) }
        #expect(calm == Array(repeating: false, count: 20))
        let byLoss = history.note(loss: 5, gradientNorm: 1, factor: 2)
        let byNorm = history.note(loss: -1, gradientNorm: 2.1, factor: 2)
        #expect(!byLoss && byNorm)
    }

    @Test("steps longer ago than the window are forgotten")
    func window() {
        var history = history(100)
        // All of them leap until they are the median themselves.
        var count = 0
        while history.note(loss: 5, gradientNorm: 50, factor: 2), count < 1000 { count += 1 }
        #expect(count == 32)
    }
}
