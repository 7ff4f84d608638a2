internal import Foundation

/// The learning rate over a run, by Hugging Face's `lr_scheduler_type`.
///
/// Source of the formulas: `transformers/optimization.py`. Warm-up rises linearly from 0 over
/// `ceil(warmup_ratio * steps)` optimizer steps.
package struct LearningRateSchedule: Sendable, Equatable {
    /// The shape after the warm-up.
    package enum Kind: String, CaseIterable, Sendable, Codable {
        /// Falls linearly to 0 at the run's end.
        case linear
        /// Falls to 0 along half a cosine.
        case cosine
        /// Constant, without warm-up.
        case constant
        /// Constant after the warm-up.
        case constantWithWarmup = "constant_with_warmup"
    }

    let kind: Kind
    let peak: Double
    let steps: Int
    let warmupSteps: Int

    /// A schedule over `steps` optimizer steps.
    package init(kind: Kind, peak: Double, steps: Int, warmupRatio: Double) {
        self.kind = kind
        self.peak = peak
        self.steps = steps
        warmupSteps = kind == .constant ? 0 : Int((warmupRatio * Double(steps)).rounded(.up))
    }

    /// The rate of optimizer step `step`, counted from 0.
    package func rate(step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step) / Double(max(1, warmupSteps)) }
        let progress = Double(step - warmupSteps) / Double(max(1, steps - warmupSteps))
        switch kind {
        case .constant, .constantWithWarmup: return peak
        case .linear: return peak * max(0, 1 - progress)
        case .cosine: return peak * max(0, 0.5 * (1 + cos(.pi * progress)))
        }
    }
}
