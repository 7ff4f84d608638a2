internal import Collectives
internal import Objectives
internal import Preferences
internal import Transformer

/// Counts what a scoring pass finds, row of the data by row of the data.
struct EvaluationTally {
    private let losses: StepScoring
    /// The sums of each row; zero for those of other ranks.
    private var sums: [Double]
    private static let width = PreferenceStatistics().sums.count

    /// Nothing counted yet, of a dataset with so many rows.
    init(_ losses: StepScoring, rows: Int) {
        self.losses = losses
        sums = Array(repeating: 0, count: rows * Self.width)
    }

    /// Counts the rows of the data in a packed row.
    mutating func count(_ row: PackedRow, scores: RowScores) {
        for example in row.examples {
            var statistics = PreferenceStatistics()
            losses.count(example, in: row, scores: scores, into: &statistics)
            sums.replaceSubrange(Self.places(of: example.row), with: statistics.sums)
        }
    }

    /// What all ranks have counted, the same bits whichever rank counted what.
    func report(_ communicator: any Communicator) throws -> EvaluationReport {
        let all = try communicator.sum(sums)
        let rows = (0..<all.count / Self.width).map { PreferenceStatistics(sums: Array(all[Self.places(of: $0)])) }
        return EvaluationReport(rows, lossIsMeanOverPairs: losses.isMeanOverPairs)
    }

    private static func places(of row: Int) -> Range<Int> { row * width..<(row + 1) * width }
}
