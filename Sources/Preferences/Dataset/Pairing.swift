/// The pairs of an example's responses that enter the loss; only responses of different ranks are paired.
package enum Pairing: String, CaseIterable, Codable, Sendable {
    /// Every response with all worse ones.
    case all
    /// The best responses (several if tied) with all worse ones.
    case bestVersusRest = "best-vs-rest"
    /// The best responses (several if tied) with the worst (several if tied).
    case bestVersusWorst = "best-vs-worst"

    /// The pairs of an example whose responses have these ranks, ascending from 0.
    ///
    /// - Returns: Indices into the example's responses, ordered by chosen, then by rejected.
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

/// The denominators of losses, which are means over examples, pairs or tokens.
package struct LossCounts: Sendable, Equatable {
    /// Examples.
    package private(set) var examples = 0
    /// Pairs of all examples.
    package private(set) var pairs = 0
    /// Counted tokens of the best responses of all examples; if several are tied, of all of them.
    package private(set) var bestTokens = 0
    /// For each example, the number of pairs of the examples before it.
    package private(set) var firstPairs: [Int: Int] = [:]

    /// The counts of these examples, whose pairs are in the same order.
    package init(_ dataset: PreferenceDataset, rows: some Sequence<Int>, pairing: Pairing) {
        for row in rows {
            let ranks = dataset.ranks(of: row)
            firstPairs[row] = pairs
            self.examples += 1
            pairs += pairing.pairs(ranks: ranks).count
            for (response, rank) in zip(dataset.responses(of: row), ranks) where rank == 0 {
                bestTokens += dataset.countedRange(response).count
            }
        }
    }
}
