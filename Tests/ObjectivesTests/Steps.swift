internal import Foundation
internal import Objectives

/// A step of examples whose log-probabilities can be changed individually.
struct Step {
    /// One example, its responses best first.
    struct Row {
        var policy: [[Double]]
        var reference: [[Double]]
        var ranks: [Int]
        var alignments: [Double]
        var pairs: [(chosen: Int, rejected: Int)]
    }

    var rows: [Row]

    /// Two examples of two responses, one of three and one of five with ties, of 1 to 6 tokens.
    init() {
        let shapes: [(lengths: [Int], ranks: [Int])] = [
            ([3, 5], [0, 1]), ([6, 2], [0, 1]), ([1, 4, 2], [0, 1, 2]), ([2, 3, 3, 1, 5], [0, 0, 1, 2, 2]),
        ]
        rows = shapes.enumerated().map { number, shape in
            func tokens(_ seed: Int) -> [[Double]] {
                shape.lengths.enumerated().map { response, count in
                    (0..<count).map { -1.5 + 1.4 * noise(seed + 1000 * number + 100 * response + $0) }
                }
            }
            return Row(
                policy: tokens(0),
                reference: tokens(50_000),
                ranks: shape.ranks,
                alignments: shape.lengths.indices.map { noise(90_000 + 10 * number + $0) },
                pairs: shape.ranks.indices.flatMap { chosen in
                    shape.ranks.indices.filter { shape.ranks[chosen] < shape.ranks[$0] }.map { (chosen, $0) }
                }
            )
        }
    }

    init(_ rows: [Row]) {
        self.rows = rows
    }

    private var ranked: [RankedLogps] {
        rows.map { row in
            RankedLogps(
                responses: row.policy.indices.map {
                    ResponseLogps(
                        policy: row.policy[$0],
                        reference: row.reference[$0],
                        rank: row.ranks[$0],
                        wpoLogWeight: row.alignments[$0]
                    )
                },
                pairs: row.pairs
            )
        }
    }

    /// The loss, and its derivative for each token of each response of each example.
    func loss(_ objective: Objective) -> (value: Double, derivatives: [[[Double]]]) {
        let partners = TransportMatching(ranked.flatMap(objective.pairs)).partners
        let pairs = rows.reduce(0) { $0 + $1.pairs.count }
        let best = rows.flatMap { row in row.policy.indices.filter { row.ranks[$0] == 0 }.map { row.policy[$0].count } }
        let totals = StepTotals(pairs: pairs, examples: rows.count, bestTokens: best.reduce(0, +))
        var (first, value, derivatives) = (0, 0.0, [[[Double]]]())
        for row in ranked {
            let range = first..<first + row.pairs.count
            let matched = RankedLogps(responses: row.responses, pairs: row.pairs, partners: Array(partners[range]))
            let loss = objective.loss(of: matched, totals: totals)
            first = range.upperBound
            value += loss.value
            derivatives.append(loss.derivatives)
        }
        return (value / Double(pairs), derivatives)
    }

    /// The log-probabilities of the pairs, as input of the objective.
    func pairs(_ objective: Objective) -> [PairLogps] { ranked.flatMap(objective.pairs) }
}

/// A deterministic pseudo-random number in `[-1, 1]` for an index.
func noise(_ index: Int) -> Double {
    var z = UInt64(truncatingIfNeeded: index) &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double(z >> 11) / Double(1 << 52) - 1
}
