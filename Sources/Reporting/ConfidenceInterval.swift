/// A 95 % confidence interval of a metric.
package struct ConfidenceInterval: Sendable, Equatable {
    package let low: Double
    package let high: Double

    /// The 0.975 quantile of the normal distribution.
    private static let z = 1.959963984540054

    /// `mean ± z · standardError`, for means of many examples; not finite if the standard error is not.
    package init(mean: Double, standardError: Double) {
        low = mean - Self.z * standardError
        high = mean + Self.z * standardError
    }

    /// Wilson's score interval of a proportion (Wilson 1927), which stays within 0 and 1 and has a width at both ends:
    /// `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`.
    ///
    /// - Parameter trials: The number of independent trials `n`, above 0; of dependent trials the effective number.
    package init(share: Double, trials: Double) {
        let z2 = Self.z * Self.z / trials
        let center = (share + z2 / 2) / (1 + z2)
        let reach = (share * (1 - share) * z2 + z2 * z2 / 4).squareRoot() / (1 + z2)
        // At both ends rounding would miss the exact limit.
        low = share == 0 ? 0 : center - reach
        high = share == 1 ? 1 : center + reach
    }
}
