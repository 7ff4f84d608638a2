internal import Reporting

/// Loss and gradient norm of the last steps, by which a leap is told.
///
/// The rows of a step in which either leaps, and those before it, are passed over as in PaLM's training (Chowdhery et al.
/// 2022, section 5.1): there the same rows did no harm from another checkpoint, so that neither alone is at fault.
package struct SpikeHistory: Codable, Sendable, Equatable {
    /// The most steps that are kept, and the fewest that are judged by.
    package static let window = (most: 64, least: 16)

    private var losses: [Double] = []
    private var norms: [Double] = []

    /// No steps yet.
    package init() {}

    /// Whether a step's loss or norm exceeds `factor` times the median of the steps before; it joins them.
    ///
    /// A median that is not above 0, as some losses have, judges nothing; a gradient norm's is above 0 always.
    package mutating func note(loss: Double, gradientNorm: Double, factor: Double) -> Bool {
        let leaps = Self.leaps(loss, beyond: losses, factor) || Self.leaps(gradientNorm, beyond: norms, factor)
        losses = (losses + [loss]).suffix(Self.window.most)
        norms = (norms + [gradientNorm]).suffix(Self.window.most)
        return leaps
    }

    private static func leaps(_ value: Double, beyond values: [Double], _ factor: Double) -> Bool {
        guard values.count >= window.least else { return false }
        let median = SummaryStatistics(values).median
        return median > 0 && value > factor * median
    }
}
