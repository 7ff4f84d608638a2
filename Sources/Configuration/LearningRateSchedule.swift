internal import Foundation

/// The learning rate over a run, by Hugging Face's `lr_scheduler_type`.
///
/// Source of the formulas: `transformers/optimization.py`. Warm-up rises linearly from 0, the rate of the first step, over
/// the optimizer steps of `warmup_steps` or `warmup_ratio`; see `warmupSteps`.
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
    /// Optimizer steps of the run.
    package let steps: Int
    /// Optimizer steps of the warm-up, of which the first has the rate 0; may exceed `steps`.
    package let warmupSteps: Int

    /// A schedule over `steps` optimizer steps.
    ///
    /// - Parameters:
    ///   - warmupRatio: The fraction of the steps for warm-up: `ceil(warmupRatio * steps)` steps.
    ///   - warmupSteps: If above 0, replaces `warmupRatio`: a number of steps, or below 1 a fraction like it.
    package init(kind: Kind, peak: Double, steps: Int, warmupRatio: Double, warmupSteps: Double = 0) {
        self.kind = kind
        self.peak = peak
        self.steps = steps
        let warmup = warmupSteps > 0 ? warmupSteps : warmupRatio
        // A ratio of 1 is all steps; 1.0 as `warmupSteps` is one.
        let isCount = warmupSteps >= 1
        self.warmupSteps =
            kind == .constant ? 0 : isCount ? Int(warmupSteps) : Int((warmup * Double(steps)).rounded(.up))
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

    /// The highest rate of any step: that of the last step of the warm-up or of the first one after it.
    package var highestRate: Double { rate(step: min(warmupSteps, steps - 1)) }

    /// Whether every step has the rate 0 in float32, in which the optimizer computes, so that nothing is learned.
    package var isZero: Bool { Float(highestRate) == 0 }
}
