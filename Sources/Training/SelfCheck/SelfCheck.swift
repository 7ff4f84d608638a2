internal import Collectives
package import Preferences

/// A check that a tree, computed once, gives the same results as its sequences, computed separately.
///
/// Tests verify the code; this verifies the processors, libraries and weights of the run. A few examples of the first
/// step are computed with the run's sharing mode and with none, forward and backward, on every rank, since processors
/// may differ. They are truncated, so that the check takes a fraction of a step.
package struct SelfCheck: Sendable {
    /// The number of tokens that remain of a prompt, from its end, and of each of the first two responses, from their
    /// start; odd numbers, so that kernels process partial vectors.
    package static let cut = (prompt: 13, response: 7, responses: 2)

    /// The checked examples of the training data.
    package let rows: [Int]
    /// The truncated examples, in the same order.
    package let dataset: PreferenceDataset
    private let sharing: Sharing

    /// A check of `count` of the candidates: those whose responses diverge within the cut first, else in their order.
    ///
    /// - Returns: Nil if there is nothing to check, or nothing is shared.
    package init?(of dataset: PreferenceDataset, among candidates: [Int], count: Int, sharing: Sharing) {
        guard count > 0, sharing != .none else { return nil }
        let cut = candidates.map { (row: $0, part: TruncatedExample(dataset, example: $0, cut: Self.cut)) }
        let chosen = (cut.filter { $0.part.hasDistinctResponses } + cut.filter { !$0.part.hasDistinctResponses })
            .prefix(count)
        guard let truncated = PreferenceDataset(chosen.map(\.part)) else { return nil }
        rows = chosen.map(\.row)
        self.dataset = truncated
        self.sharing = sharing
    }

    /// The largest number of tokens of an example.
    var maximumPackedTokens: Int { (0..<dataset.count).map(dataset.unsharedTokens(of:)).max() ?? 0 }

    /// Runs the check on every rank; collective.
    ///
    /// - Returns: The largest difference on this rank.
    /// - Throws: `RankFailure` on every rank if any rank finds a difference beyond rounding.
    func run(_ comparison: EquivalenceCheck, communicator: any Communicator) throws -> Double {
        try communicator.agree {
            try rows.enumerated().reduce(0) { worst, entry in
                let (index, row) = entry
                let rank = communicator.size > 1 ? communicator.rank : nil
                let difference = comparison.difference(between: packed(index, sharing), and: packed(index, .none))
                try Self.verify(difference, row: row, sharing: sharing, rank: rank)
                return max(worst, difference.logps, difference.gradients)
            }
        }
    }

    /// One example as a packed sequence, with this sharing mode.
    package func packed(_ index: Int, _ sharing: Sharing) -> PackedSequence {
        PackedSequence([TokenTree(dataset, example: index, sharing: sharing)])
    }

    /// Throws if rounding does not explain a difference.
    ///
    /// - Throws: `SelfCheckFailure`.
    package static func verify(_ difference: EquivalenceDifference, row: Int, sharing: Sharing, rank: Int? = nil) throws
    {
        // Written so that NaN fails too.
        guard difference.logps <= difference.tolerance, difference.gradients <= difference.tolerance else {
            throw SelfCheckFailure(difference: difference, row: row, sharing: sharing, rank: rank)
        }
    }
}

/// Two computations of the same example that differ.
package struct SelfCheckFailure: Error, CustomStringConvertible {
    let difference: EquivalenceDifference
    let row: Int
    let sharing: Sharing
    let rank: Int?

    package var description: String {
        let place = rank.map { "rank \($0): " } ?? ""
        guard difference.logps.isFinite, difference.gradients.isFinite else {
            return "\(place)self-check: example \(row) of the data has log-probabilities or gradients that are not "
                + "finite; check the weights"
        }
        return "\(place)self-check: example \(row) of the data, computed with --sharing \(sharing.rawValue) and with "
            + "none, differs by \(short(difference.logps)) in its log-probabilities and by "
            + "\(short(difference.gradients)) in its gradients, relative to their size; "
            + "rounding explains \(short(difference.tolerance)); "
            + "train with --sharing none, with ESPALIER_PRODUCTS=openblas, or on another processor"
    }
}
