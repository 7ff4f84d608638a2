internal import Configuration
internal import Foundation
internal import Testing
internal import Training

/// The best of several evaluations, and the end of patience.
struct EvaluationHistoryTests {
    /// Notes values after steps 1, 2 …, and gives the best one's step and that after which the run is over.
    private func follow(
        _ values: [Double],
        _ change: (inout EvaluationSettings) -> Void = { _ in }
    ) -> (best: Int?, end: Int?) {
        var settings = EvaluationSettings()
        change(&settings)
        var course = EvaluationHistory(settings)
        var marks: [Int] = []
        for (index, value) in values.enumerated() {
            if course.note(value, step: index + 1) { marks.append(index + 1) }
            #expect(course.best?.step == marks.last)
            #expect(course.best.map { $0.value == values[$0.step - 1] } ?? marks.isEmpty)
            if course.isOver { return (course.best?.step, index + 1) }
        }
        return (course.best?.step, nil)
    }

    @Test(
        "less of a loss is better, more of anything else, unless it is said otherwise; of equals the first is the best"
    )
    func direction() {
        #expect(follow([3, 1, 2, 1]).best == 2)
        #expect(follow([3, 1, 4, 4]) { $0.metricForBestModel = "rewards/margins" }.best == 3)
        #expect(follow([3, 1, 4]) { $0.metricForBestModel = "eval_loss" }.best == 2)
        #expect(follow([3, 1, 4]) { $0.greaterIsBetter = true }.best == 3)
        #expect(follow([3, 1, 4]) { ($0.metricForBestModel, $0.greaterIsBetter) = ("entropy", false) }.best == 2)
        #expect(follow([]).best == nil)
    }

    @Test("a history that is restored from the state of another decides as if uninterrupted")
    func memory() throws {
        var settings = EvaluationSettings()
        settings.earlyStoppingPatience = 2
        let values: [Double] = [5, 6, 4, 4.5, 3, 7, 8]
        for cut in 0..<values.count {
            var (whole, first) = (EvaluationHistory(settings), EvaluationHistory(settings))
            for (index, value) in values[..<cut].enumerated() {
                #expect(whole.note(value, step: index) == first.note(value, step: index))
            }
            let written = try JSONEncoder().encode(first.memory)
            let read = try JSONDecoder().decode(EvaluationHistory.Memory.self, from: written)
            var second = EvaluationHistory(settings, memory: read)
            for (index, value) in values.enumerated().dropFirst(cut) {
                #expect(whole.note(value, step: index) == second.note(value, step: index))
                #expect(whole.best == second.best && whole.isOver == second.isOver)
            }
            #expect(second.isOver && second.best?.step == 4)
        }
    }

    @Test("what is no number is never the best, and costs patience")
    func notANumber() {
        #expect(follow([.nan, 2, .nan]).best == 2)
        #expect(follow([.nan, .nan]).best == nil)
        #expect(follow([2, .nan, .nan, 1]) { $0.earlyStoppingPatience = 2 } == (1, 3))
    }

    @Test("patience ends after as many evaluations in succession without an improvement, and never without the setting")
    func patience() {
        #expect(follow([5, 6, 6, 6, 6]) == (1, nil))
        #expect(follow([5, 6, 4, 6, 6, 3]) { $0.earlyStoppingPatience = 2 } == (3, 5))
        #expect(follow([5, 4, 3]) { $0.earlyStoppingPatience = 1 } == (3, nil))
        #expect(follow([5, 5]) { $0.earlyStoppingPatience = 1 } == (1, 2))
    }

    @Test("an improvement by no more than the threshold is the best, and does not restore patience")
    func threshold() {
        let settings: (inout EvaluationSettings) -> Void = {
            ($0.earlyStoppingPatience, $0.earlyStoppingThreshold) = (2, 0.5)
        }
        #expect(follow([5, 4.5, 4.25], settings) == (3, 3))
        #expect(follow([5, 4.5, 3.75, 3.5, 2], settings) == (5, nil))
    }
}
