internal import Collectives

/// What a step came to, the same on every rank but for times.
package struct StepOutcome {
    package let report: StepReport
    /// Why the weights were left as they were; nil where they were updated.
    package let fault: Fault?
    /// Whether any rank was asked to stop.
    package let isAskedToStop: Bool
    /// Planned cost that each rank has done in a second, 0 for one without work; the same on every rank.
    package let rankRates: [Double]

    /// A loss or a gradient that is not finite.
    package struct Fault {
        package let loss: Double
        package let gradientNorm: Double
        /// Rows of the data whose loss is not, ascending.
        package let rows: [Int]

        /// The fault as an error of that step.
        package func error(step: Int) -> TrainingError {
            .notFinite(step: step, loss: loss, gradientNorm: gradientNorm, rows: rows)
        }
    }

    /// The report of a step that updated the weights.
    ///
    /// - Throws: `RankFailure` on every rank where it did not.
    package func updated(step: Int) throws -> StepReport {
        if let fault { throw RankFailure(rank: 0, error: fault.error(step: step)) }
        return report
    }
}
