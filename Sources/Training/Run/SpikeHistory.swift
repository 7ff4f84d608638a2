internal import Reporting

/// Loss and gradient norm of recent steps, against which spikes are detected.
///
/// The examples of a step with a spike, and those since the checkpoint, are skipped as in PaLM's training (Chowdhery et
/// al. 2022, section 5.1). There the same examples were harmless from another checkpoint, so that neither alone is the
/// cause.
package struct SpikeHistory: Codable, Sendable, Equatable {
    /// The most steps that are kept, and the fewest that a detection needs.
    package static let window = (most: 64, least: 16)

    private var losses: [Double] = []
    private var norms: [Double] = []

    /// No steps yet.
    package init() {}

    /// Adds a step, and returns whether its loss or norm exceeds `factor` times the median of the steps before it.
    ///
    /// A median of 0 or less, which some losses have, detects nothing; that of a gradient norm is above 0.
    package mutating func note(loss: Double, gradientNorm: Double, factor: Double) -> Bool {
        let isSpike =
            Self.exceeds(loss, medianOf: losses, factor) || Self.exceeds(gradientNorm, medianOf: norms, factor)
        losses = (losses + [loss]).suffix(Self.window.most)
        norms = (norms + [gradientNorm]).suffix(Self.window.most)
        return isSpike
    }

    private static func exceeds(_ value: Double, medianOf values: [Double], _ factor: Double) -> Bool {
        guard values.count >= window.least else { return false }
        let median = SummaryStatistics(values).median
        return median > 0 && value > factor * median
    }
}
