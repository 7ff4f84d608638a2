package import Configuration

/// The evaluations of a run: which one is the best, and whether early stopping ends the run.
///
/// The rules are those of Hugging Face's trainer and its `EarlyStoppingCallback`: any better value is the new best, but
/// only one that exceeds the previous best by more than the threshold resets patience.
package struct EvaluationHistory: Sendable {
    /// The step and metric value of an evaluation.
    package struct Mark: Sendable, Equatable, Codable {
        package let step: Int
        /// The value of `metricForBestModel`.
        package let value: Double
    }

    /// The state that a checkpoint stores.
    package struct Memory: Sendable, Equatable, Codable {
        fileprivate(set) var best: Mark?
        fileprivate(set) var withoutImprovement = 0

        /// No evaluations.
        package init() {}
    }

    private let settings: EvaluationSettings
    /// The state from which a resumed run continues.
    package private(set) var memory: Memory

    /// The history of a run with these settings, after the evaluations in `memory`.
    package init(_ settings: EvaluationSettings, memory: Memory = Memory()) {
        (self.settings, self.memory) = (settings, memory)
    }

    /// The best evaluation; nil if none gave a number.
    package var best: Mark? { memory.best }

    /// Adds the evaluation after `step`.
    ///
    /// - Returns: Whether it is the best so far.
    package mutating func note(_ value: Double, step: Int) -> Bool {
        guard let best else {
            if !value.isNaN { memory.best = Mark(step: step, value: value) }
            return !value.isNaN
        }
        let isBest = settings.isBetter(value, than: best.value)
        let suffices = isBest && abs(value - best.value) > settings.earlyStoppingThreshold
        memory.withoutImprovement = suffices ? 0 : memory.withoutImprovement + 1
        if isBest { memory.best = Mark(step: step, value: value) }
        return isBest
    }

    /// Whether patience is exhausted.
    package var isOver: Bool { settings.earlyStoppingPatience.map { memory.withoutImprovement >= $0 } ?? false }
}
