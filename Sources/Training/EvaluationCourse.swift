/// A run's evaluations so far: which was the best, and whether there is hope for a better one.
///
/// As Hugging Face's trainer and its `EarlyStoppingCallback` decide: any better value is the new best, but only one that
/// exceeds the best before it by more than the threshold restores patience.
package struct EvaluationCourse: Sendable {
    /// An evaluation by what it is compared with others by.
    package struct Mark: Sendable, Equatable {
        package let step: Int
        /// Of `metricForBestModel`.
        package let value: Double
    }

    private let settings: EvaluationSettings
    /// The best evaluation; nil as long as none gave a number.
    package private(set) var best: Mark?
    private var withoutImprovement = 0

    /// The course of a run with these settings, before its first evaluation.
    package init(_ settings: EvaluationSettings) {
        self.settings = settings
    }

    /// Notes the evaluation after `step`.
    ///
    /// - Returns: Whether it is the best so far.
    package mutating func note(_ value: Double, step: Int) -> Bool {
        guard let best else {
            if !value.isNaN { self.best = Mark(step: step, value: value) }
            return !value.isNaN
        }
        let isBest = settings.isBetter(value, than: best.value)
        let suffices = isBest && abs(value - best.value) > settings.earlyStoppingThreshold
        withoutImprovement = suffices ? 0 : withoutImprovement + 1
        if isBest { self.best = Mark(step: step, value: value) }
        return isBest
    }

    /// Whether patience is at its end.
    package var isOver: Bool { settings.earlyStoppingPatience.map { withoutImprovement >= $0 } ?? false }
}
