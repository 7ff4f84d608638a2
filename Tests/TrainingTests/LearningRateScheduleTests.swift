internal import Configuration
internal import Testing

struct LearningRateScheduleTests {
    @Test("every learning rate of a run equals that of transformers")
    func transformers() throws {
        var compared = 0
        for schedule in try OptimizerGolden.load().schedules {
            let kind = try #require(LearningRateSchedule.Kind(rawValue: schedule.kind))
            let found = LearningRateSchedule(
                kind: kind,
                peak: 3e-4,
                steps: schedule.steps,
                warmupRatio: schedule.warmupRatio
            )
            #expect(schedule.rates.count == schedule.steps)
            for (step, expected) in schedule.rates.enumerated() {
                let rate = found.rate(step: step)
                // A unit or two in the last place of the peak.
                #expect(abs(rate - 3e-4 * expected) <= 2e-19, "\(kind), \(schedule.steps) steps, step \(step)")
                compared += 1
            }
        }
        #expect(compared == 4 * (3 * 10 + 7 + 1 + 1 + 3 + 10 + 100))
    }

    @Test("the rate is 0 at the end of a run, and never negative", arguments: [0, 0.1, 0.3])
    func end(warmupRatio: Double) {
        for kind in [LearningRateSchedule.Kind.linear, .cosine] {
            let schedule = LearningRateSchedule(kind: kind, peak: 1, steps: 10, warmupRatio: warmupRatio)
            #expect(abs(schedule.rate(step: 10)) < 1e-15)
            #expect((0...30).allSatisfy { (0...1).contains(schedule.rate(step: $0)) })
        }
    }

    @Test(
        "warm-up steps replace the ratio: whole steps from 1 on, a fraction of the run below 1",
        arguments: [
            (0.0, 3), (1, 1), (4, 4), (15, 15), (0.5, 5), (0.01, 1), (0.999, 10),
        ]
    )
    func warmupSteps(setting: Double, expected: Int) {
        let schedule = LearningRateSchedule(kind: .linear, peak: 1, steps: 10, warmupRatio: 0.25, warmupSteps: setting)
        #expect(schedule.warmupSteps == expected)
        let rates = (0..<min(expected, 10)).map { Double($0) / Double(expected) }
        #expect((0..<rates.count).map(schedule.rate) == rates)
        // The same rates as by the ratio that gives this number of steps.
        guard expected <= 10 else { return }
        let ratio = LearningRateSchedule(kind: .linear, peak: 1, steps: 10, warmupRatio: Double(expected) / 10)
        #expect((0..<10).map(schedule.rate) == (0..<10).map(ratio.rate))
    }

    @Test("the highest rate is that of the best step, for any warm-up and length", arguments: [1, 2, 3, 10, 31])
    func highest(steps: Int) {
        var compared = 0
        for kind in LearningRateSchedule.Kind.allCases {
            for warmup in [0.0, 0.1, 0.5, 1, 2, 3, 9, 10, 11, 100] {
                let schedule = LearningRateSchedule(
                    kind: kind,
                    peak: 0.5,
                    steps: steps,
                    warmupRatio: 0,
                    warmupSteps: warmup
                )
                let highest = (0..<steps).map(schedule.rate).max() ?? 0
                #expect(schedule.highestRate == highest && schedule.isZero == (highest == 0))
                compared += 1
            }
        }
        #expect(compared == 40)
    }

    @Test("a rate that is 0 in float32 is 0, since the optimizer computes in float32")
    func underflow() {
        #expect(LearningRateSchedule(kind: .constant, peak: 1e-46, steps: 3, warmupRatio: 0).isZero)
        #expect(!LearningRateSchedule(kind: .constant, peak: 1e-44, steps: 3, warmupRatio: 0).isZero)
    }

    @Test("a constant rate has no warm-up, except constant_with_warmup")
    func constant() {
        let plain = LearningRateSchedule(kind: .constant, peak: 2, steps: 4, warmupRatio: 0.5)
        #expect((0..<4).map(plain.rate) == [2, 2, 2, 2])
        let warmed = LearningRateSchedule(kind: .constantWithWarmup, peak: 2, steps: 4, warmupRatio: 0.5)
        #expect((0..<4).map(warmed.rate) == [0, 1, 2, 2])
    }
}
