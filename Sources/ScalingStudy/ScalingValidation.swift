package import Reporting

/// The errors of a forecast against measurements on other numbers of ranks.
package struct ScalingValidation: Sendable {
    /// The error for a number of ranks.
    package struct Point: Sendable {
        package let ranks: Int
        package let measured: SummaryStatistics
        /// Seconds of a step.
        package let predicted: Double
        /// The error of the prediction, relative to the median.
        package var error: Double { predicted / measured.median - 1 }
    }

    package let points: [Point]

    /// Compares a forecast with the steps of another study with the same ranks per node.
    package static func compare(_ forecast: ScalingForecast, with study: ScalingStudy) -> ScalingValidation {
        let (allReduce, model) = (forecast.allReduce, forecast.model)
        let points = study.points.filter { $0.ranks % allReduce.ranksPerNode == 0 }.map { point in
            let run = study.runs.first { $0.ranks == point.ranks } ?? study.runs[0]
            let nodes = point.ranks / allReduce.ranksPerNode
            let parts = model.step(ScalingModel.StepWork(run), nodes: nodes, allReduce: allReduce)
            return Point(ranks: point.ranks, measured: point.seconds, predicted: parts.total)
        }
        return ScalingValidation(points: points)
    }

    /// The largest absolute error.
    package var worst: Double { points.map { abs($0.error) }.max() ?? 0 }
}
