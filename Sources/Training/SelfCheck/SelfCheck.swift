internal import Collectives
package import Preferences

/// A check of what a run rests on: that a tree, computed once, gives what its sequences give, computed each by itself.
///
/// Tests hold the code to that; this holds it on the processors, libraries and weights of the run. A few rows of the
/// first step are computed with the run's sharing and with none, forward and backward, on every rank alike, since ranks
/// may run on different processors. Their ends are cut off, so that it takes a fraction of a step.
package struct SelfCheck: Sendable {
    /// Tokens that are left of a prompt, its last, and of each of the first two responses, their first; odd numbers, so that
    /// kernels come upon ends that fill no vector.
    package static let cut = (prompt: 13, response: 7, responses: 2)

    /// Rows of the training data.
    package let rows: [Int]
    /// What is left of them, in the same order.
    package let dataset: PreferenceDataset
    private let sharing: Sharing

    /// A check by `count` of `candidates`, in their order, those first whose responses part within the cut.
    ///
    /// - Returns: Nil where nothing is to be checked, or nothing is shared.
    package init?(of dataset: PreferenceDataset, among candidates: [Int], count: Int, sharing: Sharing) {
        guard count > 0, sharing != .none else { return nil }
        let cut = candidates.map { (row: $0, part: RowBeginning(dataset, row: $0, cut: Self.cut)) }
        let chosen = (cut.filter { $0.part.parts } + cut.filter { !$0.part.parts }).prefix(count)
        guard let beginnings = PreferenceDataset(chosen.map(\.part)) else { return nil }
        rows = chosen.map(\.row)
        self.dataset = beginnings
        self.sharing = sharing
    }

    /// The tokens of the largest row to compute.
    var largestRow: Int { (0..<dataset.count).map(dataset.unsharedTokens(of:)).max() ?? 0 }

    /// Runs the check on every rank.
    ///
    /// - Returns: The largest difference on this rank.
    /// - Throws: `RankFailure` on every rank where any rank finds a difference beyond rounding.
    func run(_ comparison: EquivalenceCheck, communicator: any Communicator) throws -> Double {
        try communicator.agree {
            try rows.enumerated().reduce(0) { worst, entry in
                let (index, row) = entry
                let rank = communicator.size > 1 ? communicator.rank : nil
                let difference = comparison.difference(between: packed(index, sharing), and: packed(index, .none))
                try Self.judge(difference, row: row, sharing: sharing, rank: rank)
                return max(worst, difference.logps, difference.gradients)
            }
        }
    }

    /// A row, alone, with this sharing.
    package func packed(_ index: Int, _ sharing: Sharing) -> PackedRow {
        PackedRow([TokenTree(dataset, row: index, sharing: sharing)])
    }

    /// Refuses a difference that rounding does not explain.
    ///
    /// - Throws: `SelfCheckFailure`.
    package static func judge(_ difference: EquivalenceDifference, row: Int, sharing: Sharing, rank: Int? = nil) throws {
        // Written so that NaN is refused too.
        guard difference.logps <= difference.tolerance, difference.gradients <= difference.tolerance else {
            throw SelfCheckFailure(difference: difference, row: row, sharing: sharing, rank: rank)
        }
    }
}

/// Two ways of computing the same row did not agree.
package struct SelfCheckFailure: Error, CustomStringConvertible {
    let difference: EquivalenceDifference
    let row: Int
    let sharing: Sharing
    let rank: Int?

    package var description: String {
        let place = rank.map { "rank \($0): " } ?? ""
        guard difference.logps.isFinite, difference.gradients.isFinite else {
            return "\(place)self-check: row \(row) of the data has log-probabilities or gradients that are not finite; "
                + "look for broken weights"
        }
        return "\(place)self-check: row \(row) of the data, computed with --sharing \(sharing.rawValue) and with none, "
            + "differs by \(short(difference.logps)) in its log-probabilities and by \(short(difference.gradients)) in its "
            + "gradients, relative to their size; rounding explains \(short(difference.tolerance)); "
            + "train with --sharing none, or on another processor or OPENBLAS_CORETYPE (espalier doctor names both)"
    }
}
