internal import Configuration
internal import Foundation
internal import Testing
internal import Training

/// The best of several evaluations, and early stopping.
struct EvaluationHistoryTests {
    /// Adds values after steps 1, 2 …; returns the step of the best one and the step after which the run ends.
    private func follow(
        _ values: [Double],
        _ change: (inout EvaluationSettings) -> Void = { _ in }
    ) -> (best: Int?, end: Int?) {
        var settings = EvaluationSettings()
        change(&settings)
        var history = EvaluationHistory(settings)
        var marks: [Int] = []
        for (index, value) in values.enumerated() {
            if history.note(value, step: index + 1) { marks.append(index + 1) }
            #expect(history.best?.step == marks.last)
            #expect(history.best.map { $0.value == values[$0.step - 1] } ?? marks.isEmpty)
            if history.isOver { return (history.best?.step, index + 1) }
        }
        return (history.best?.step, nil)
    }

    @Test(
        "a lower loss is better, a higher value of other metrics, unless configured; of equal ones the first is best"
    )
    func direction() {
        #expect(follow([3, 1, 2, 1]).best == 2)
        #expect(follow([3, 1, 4, 4]) { $0.metricForBestModel = "rewards/margins" }.best == 3)
        #expect(follow([3, 1, 4]) { $0.metricForBestModel = "eval_loss" }.best == 2)
        #expect(follow([3, 1, 4]) { $0.greaterIsBetter = true }.best == 3)
        #expect(follow([3, 1, 4]) { ($0.metricForBestModel, $0.greaterIsBetter) = ("entropy", false) }.best == 2)
        #expect(follow([]).best == nil)
    }

    @Test("a history restored from the state of another decides as if uninterrupted")
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

    @Test("NaN is never the best, and counts against patience")
    func notANumber() {
        #expect(follow([.nan, 2, .nan]).best == 2)
        #expect(follow([.nan, .nan]).best == nil)
        #expect(follow([2, .nan, .nan, 1]) { $0.earlyStoppingPatience = 2 } == (1, 3))
    }

    @Test("patience ends after that number of consecutive evaluations without improvement, and never if it is not set")
    func patience() {
        #expect(follow([5, 6, 6, 6, 6]) == (1, nil))
        #expect(follow([5, 6, 4, 6, 6, 3]) { $0.earlyStoppingPatience = 2 } == (3, 5))
        #expect(follow([5, 4, 3]) { $0.earlyStoppingPatience = 1 } == (3, nil))
        #expect(follow([5, 5]) { $0.earlyStoppingPatience = 1 } == (1, 2))
    }

    @Test("an improvement of at most the threshold is the new best but does not reset patience")
    func threshold() {
        let settings: (inout EvaluationSettings) -> Void = {
            ($0.earlyStoppingPatience, $0.earlyStoppingThreshold) = (2, 0.5)
        }
        #expect(follow([5, 4.5, 4.25], settings) == (3, 3))
        #expect(follow([5, 4.5, 3.75, 3.5, 2], settings) == (5, nil))
    }
}
