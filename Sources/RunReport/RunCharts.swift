internal import Charts
internal import Foundation
internal import Reporting

/// The figures of one run, or of several ones laid over each other.
///
/// In the figures of one run a series is a metric; in those of several it is a run, which keeps its style.
struct RunCharts {
    /// A group of figures under a heading.
    struct Group {
        let title: String
        let figures: [Figure]
    }

    /// Metrics that one run shows together.
    struct Chart {
        let title: String
        let axis: String
        let metrics: [Metric]
    }

    private let runs: [RecordedRun]
    private let comparison: RunComparison

    init(_ runs: [RecordedRun], _ comparison: RunComparison) {
        (self.runs, self.comparison) = (runs, comparison)
    }

    /// All groups for which there is data.
    var groups: [Group] {
        [
            Group(title: "Learning", figures: figures(Self.learning)),
            Group(title: "Optimization", figures: figures(Self.optimization)),
            Group(title: "Speed", figures: figures(Self.speed) + StepTimeFigure(runs).all + figures(Self.balance)),
        ].filter { !$0.figures.isEmpty }
    }

    private static let learning = [
        Chart(title: "Loss", axis: "loss", metrics: [.loss]),
        Chart(title: "Reward accuracy", axis: "pairs", metrics: [.accuracy]),
        Chart(title: "Reward margin", axis: "reward", metrics: [.margin]),
        Chart(title: "Rewards", axis: "reward", metrics: [.chosenReward, .rejectedReward]),
        Chart(title: "Log-probabilities", axis: "nats per response", metrics: [.chosenLogp, .rejectedLogp]),
        Chart(title: "Accuracy of log-probabilities", axis: "pairs", metrics: [.logpAccuracy]),
        Chart(title: "Entropy", axis: "nats per token", metrics: [.entropy]),
        Chart(title: "Token accuracy", axis: "tokens", metrics: [.tokenAccuracy]),
    ]
    private static let optimization = [
        Chart(title: "Gradient norm", axis: "norm", metrics: [.gradientNorm]),
        Chart(title: "Learning rate", axis: "rate", metrics: [.learningRate]),
    ]
    private static let speed = [
        Chart(title: "Throughput", axis: "pairs per second", metrics: [.pairRate]),
        Chart(title: "Utilization (mfu)", axis: "of the peak rate", metrics: [.utilization]),
        Chart(title: "Tokens saved by sharing", axis: "of all tokens", metrics: [.savedTokens]),
    ]
    private static let balance = [
        Chart(title: "Imbalance of ranks", axis: "slowest over mean", metrics: [.plannedImbalance, .measuredImbalance])
    ]

    private func figures(_ charts: [Chart]) -> [Figure] {
        charts.flatMap { chart in
            if runs.count == 1 { return [CurveFigure(chart, of: runs[0])].compactMap(\.figure) }
            return chart.metrics.compactMap { CurveFigure(chart, $0, of: runs, comparison).figure }
        }
    }
}
