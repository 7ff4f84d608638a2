internal import Collectives
package import Configuration

/// The result of a step, the same on every rank except for times.
package struct StepOutcome {
    package let report: StepReport
    /// The reason why the step was skipped; nil if it updated the weights.
    package let fault: Fault?
    /// Whether any rank received a signal to stop.
    package let isStopRequested: Bool
    /// Planned cost per second of each rank, 0 for one without work; the same on every rank.
    package let rankRates: [Double]

    /// A loss or a gradient that is not finite.
    package struct Fault {
        package let loss: Double
        package let gradientNorm: Double
        /// Examples whose loss is not finite, ascending.
        package let rows: [Int]

        /// The fault as an error of a step.
        package func error(step: Int) -> TrainingError {
            .notFinite(step: step, loss: loss, gradientNorm: gradientNorm, rows: rows)
        }
    }

    /// The report of a step that updated the weights.
    ///
    /// - Throws: `RankFailure` on every rank if the step was skipped.
    package func updated(step: Int) throws -> StepReport {
        if let fault { throw RankFailure(rank: 0, error: fault.error(step: step)) }
        return report
    }
}
