/// A run's evaluations so far: which was the best, and whether there is hope for a better one.
///
/// As Hugging Face's trainer and its `EarlyStoppingCallback` decide: any better value is the new best, but only one that
/// exceeds the best before it by more than the threshold restores patience.
package struct EvaluationHistory: Sendable {
    /// An evaluation by what it is compared with others by.
    package struct Mark: Sendable, Equatable, Codable {
        package let step: Int
        /// Of `metricForBestModel`.
        package let value: Double
    }

    /// What is remembered of the evaluations so far.
    package struct Memory: Sendable, Equatable, Codable {
        fileprivate(set) var best: Mark?
        fileprivate(set) var withoutImprovement = 0

        /// Of none yet.
        package init() {}
    }

    private let settings: EvaluationSettings
    /// What a later history of the same run goes on from.
    package private(set) var memory: Memory

    /// The history of a run with these settings, after the evaluations that `memory` knows of.
    package init(_ settings: EvaluationSettings, memory: Memory = Memory()) {
        (self.settings, self.memory) = (settings, memory)
    }

    /// The best evaluation; nil as long as none gave a number.
    package var best: Mark? { memory.best }

    /// Notes the evaluation after `step`.
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

    /// Whether patience is at its end.
    package var isOver: Bool { settings.earlyStoppingPatience.map { memory.withoutImprovement >= $0 } ?? false }
}
