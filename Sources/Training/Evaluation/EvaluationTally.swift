internal import Collectives
internal import Objectives
internal import Preferences
internal import Reporting
internal import Transformer

/// Accumulates the statistics of a scoring pass for each example.
struct EvaluationTally {
    private let losses: StepScoring
    /// The sums of each example; zero for those of other ranks.
    private var sums: [Double]
    private static let width = PreferenceStatistics().sums.count

    /// An empty tally for a dataset of `rows` examples.
    init(_ losses: StepScoring, rows: Int) {
        self.losses = losses
        sums = Array(repeating: 0, count: rows * Self.width)
    }

    /// Adds the examples in a packed sequence.
    mutating func count(_ row: PackedSequence, scores: SequenceScores) {
        for example in row.examples {
            var statistics = PreferenceStatistics()
            losses.count(example, in: row, scores: scores, into: &statistics)
            sums.replaceSubrange(Self.slots(of: example.index), with: statistics.sums)
        }
    }

    /// Reduces the tallies of all ranks; the bits do not depend on which rank counted which example.
    ///
    /// Collective.
    ///
    /// - Parameter hasReference: As of `EvaluationReport`.
    func report(_ communicator: any Communicator, hasReference: Bool = true) throws -> EvaluationReport {
        let all = try communicator.sum(sums)
        let rows = (0..<all.count / Self.width).map { PreferenceStatistics(sums: Array(all[Self.slots(of: $0)])) }
        return EvaluationReport(rows, lossIsMeanOverPairs: losses.isMeanOverPairs, hasReference: hasReference)
    }

    private static func slots(of row: Int) -> Range<Int> { row * width..<(row + 1) * width }
}
