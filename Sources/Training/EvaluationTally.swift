internal import Collectives
internal import Objectives
internal import Preferences
internal import Transformer

/// Counts what a scoring pass finds on this rank, row of the data by row of the data.
struct EvaluationTally {
    private let losses: StepScoring
    private var rows: [PreferenceStatistics] = []

    /// Nothing counted yet.
    init(_ losses: StepScoring) {
        self.losses = losses
    }

    /// Counts the rows of the data in a packed row.
    mutating func count(_ row: PackedRow, scores: RowScores) {
        for example in row.examples {
            var statistics = PreferenceStatistics()
            losses.count(example, in: row, scores: scores, into: &statistics)
            rows.append(statistics)
        }
    }

    /// What all ranks have counted.
    func report(_ communicator: any Communicator) throws -> EvaluationReport {
        try EvaluationReport(rows, lossIsMeanOverPairs: losses.isMeanOverPairs, communicator: communicator)
    }
}
