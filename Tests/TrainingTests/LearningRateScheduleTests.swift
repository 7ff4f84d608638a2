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

    @Test("a constant rate has no warm-up, except constant_with_warmup")
    func constant() {
        let plain = LearningRateSchedule(kind: .constant, peak: 2, steps: 4, warmupRatio: 0.5)
        #expect((0..<4).map(plain.rate) == [2, 2, 2, 2])
        let warmed = LearningRateSchedule(kind: .constantWithWarmup, peak: 2, steps: 4, warmupRatio: 0.5)
        #expect((0..<4).map(warmed.rate) == [0, 1, 2, 2])
    }
}
