/// Which responses of a row are compared, two at a time; only those whose ranks differ.
package enum Pairing: String, CaseIterable, Codable, Sendable {
    /// Each with all that are worse.
    case all
    /// The best, and what is tied with it, with all that are worse.
    case bestVersusRest = "best-vs-rest"
    /// The best, and what is tied with it, with the worst, and what is tied with that.
    case bestVersusWorst = "best-vs-worst"

    /// The pairs of a row whose responses have these ranks, ascending from 0: indices into the row's responses, in order
    /// of the chosen, then of the rejected.
    package func pairs(ranks: [Int]) -> [(chosen: Int, rejected: Int)] {
        ranks.indices.flatMap { chosen in
            ranks.indices.filter { compares(ranks[chosen], ranks[$0], worst: ranks[ranks.count - 1]) }
                .map { (chosen, $0) }
        }
    }

    private func compares(_ chosen: Int, _ rejected: Int, worst: Int) -> Bool {
        guard chosen < rejected else { return false }
        switch self {
        case .all: return true
        case .bestVersusRest: return chosen == 0
        case .bestVersusWorst: return chosen == 0 && rejected == worst
        }
    }
}

/// What the losses of some rows are means of.
package struct LossCounts: Sendable, Equatable {
    /// Rows of the dataset.
    package private(set) var rows = 0
    /// Their pairs.
    package private(set) var pairs = 0
    /// Counted tokens of the best responses of all rows, of all that are tied for it.
    package private(set) var bestTokens = 0
    /// For each row of the dataset the number of pairs that come before its own.
    package private(set) var firstPairs: [Int: Int] = [:]

    /// The counts of these rows, whose pairs come in their order.
    package init(_ dataset: PreferenceDataset, rows: some Sequence<Int>, pairing: Pairing) {
        for row in rows {
            let ranks = dataset.ranks(of: row)
            firstPairs[row] = pairs
            self.rows += 1
            pairs += pairing.pairs(ranks: ranks).count
            for (response, rank) in zip(dataset.responses(of: row), ranks) where rank == 0 {
                bestTokens += dataset.countedRange(response).count
            }
        }
    }
}
