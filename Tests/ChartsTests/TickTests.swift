internal import Charts
internal import Testing

/// Ticks and axes of any range.
struct TickTests {
    @Test(
        "linear ticks are multiples of 1, 2 or 5 times a power of ten, with the digits of their step",
        arguments: [
            (0.0...1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (-1.0...1.0, ["−1.0", "−0.5", "0.0", "0.5", "1.0"]),
            (0...3000, ["0", "500", "1000", "1500", "2000", "2500", "3000"]),
            (0...100_000, ["0", "20k", "40k", "60k", "80k", "100k"]),
            (0...5e-6, ["0", "1e-6", "2e-6", "3e-6", "4e-6", "5e-6"]),
            (0.6931...0.6932, ["0.69310", "0.69312", "0.69314", "0.69316", "0.69318", "0.69320"]),
        ] as [(ClosedRange<Double>, [String])]
    )
    func linear(range: ClosedRange<Double>, texts: [String]) {
        #expect(Tick.linear(range).map(\.text) == texts)
    }

    @Test("logarithmic ticks are powers of ten, with steps in between over few of them")
    func logarithmic() {
        #expect(Tick.logarithmic(1...1000).map(\.text) == ["1", "3", "10", "30", "100", "300", "1000"])
        #expect(Tick.logarithmic(0.5...12).map(\.text) == ["0.5", "1", "2", "5", "10"])
        #expect(Tick.logarithmic(1e-100...1e100).count <= 8)
        #expect(Tick.powersOfTwo(1...64).map(\.text) == ["1", "2", "4", "8", "16", "32", "64"])
    }

    @Test("ticks of steps are whole numbers, also between few steps", arguments: [1.0...2.0, 1...3, 1...25, 7...1e9])
    func whole(range: ClosedRange<Double>) {
        let ticks = Tick.whole(range, count: 6)
        #expect(!ticks.isEmpty && ticks.allSatisfy { $0.value == $0.value.rounded() && range.contains($0.value) })
    }

    @Test(
        "an axis has a width and few ticks for any values",
        arguments: [
            [], [0], [5e-6], [-3, -3, -3], [.nan, 1, .infinity], [1, 1 + 1e-15], [-1e150, 1e150], [1e-149, 1e-150],
        ] as [[Double]]
    )
    func fitting(values: [Double]) {
        for scale in [Axis.Scale.linear, .logarithmic] {
            let axis = Axis.fitting("y", values, scale: scale)
            #expect(axis.range.lowerBound < axis.range.upperBound && axis.ticks.count <= 25)
            for value in values where value.isFinite && (scale == .linear || value > 0) {
                #expect(axis.range.contains(value))
            }
        }
    }

    @Test("a margin does not pass the bounds of a metric, values do")
    func bounds() {
        #expect(Axis.fitting("y", [0, 1], within: 0...1).range == 0...1)
        #expect(Axis.fitting("y", [0.2, 1.5], within: 0...1).range.upperBound == 1.5)
        #expect(Axis.fitting("y", [1, 1], within: 0...1).range == 0.5...1)
        #expect(Axis.fitting("y", [0], within: 0 ... .infinity).range == 0...0.5)
    }
}
