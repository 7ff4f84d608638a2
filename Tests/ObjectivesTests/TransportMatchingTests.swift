internal import Objectives
internal import Testing

/// The optimal transport losses, which depend on all pairs of a step.
struct TransportMatchingTests {
    /// Pairs of one token each.
    private func step(_ pairs: [PairLogps]) -> Step {
        Step(
            pairs.map { pair in
                Step.Row(
                    policy: [[pair.chosen], [pair.rejected]],
                    reference: [[pair.referenceChosen], [pair.referenceRejected]],
                    ranks: [0, 1],
                    alignments: [0, 0],
                    pairs: [(0, 1)]
                )
            }
        )
    }

    private let pairs = [
        PairLogps(-3, -9, reference: (-4, -4)), PairLogps(-8, -2, reference: (-6, -1)),
        PairLogps(-5, -5, reference: (-9, -2)), PairLogps(-1, -4, reference: (-1.5, -7)),
    ]

    @Test(
        "margins are matched by rank, independent of the order of the pairs",
        arguments: ["aot", "aot_unpaired"]
    )
    func order(loss: String) throws {
        let objective = try Objective(loss) { $0.beta = 0.3 }
        let found = step(pairs).loss(objective)
        let turned = step(pairs.reversed()).loss(objective)
        #expect(abs(found.value - turned.value) < 1e-15)
        for (a, b) in zip(found.derivatives, turned.derivatives.reversed()) {
            for (x, y) in zip(a.joined(), b.joined()) { #expect(abs(x - y) < 1e-16) }
        }
        // Sorted: margins -6, 0, 3, 6 and the reference's -7, -5, 0, 5.5; log-ratios 1, 4, -2, 0.5 and -5, -1, -3, 3.
        let differences = loss == "aot" ? [1, 5, 3, 0.5] : [3, 3.5, 2, 1]
        let sigmoid = try Objective("sigmoid") { $0.beta = 0.3 }
        let expected = differences.map { sigmoid.loss(of: PairLogps(margin: $0)).value }.reduce(0, +) / 4
        #expect(abs(found.value - expected) < 1e-15)
    }

    @Test("a single pair has the sigmoid loss", arguments: ["aot", "aot_unpaired"])
    func alone(loss: String) throws {
        let objective = try Objective(loss) { ($0.beta, $0.labelSmoothing) = (0.3, 0.1) }
        let sigmoid = try Objective("sigmoid") { ($0.beta, $0.labelSmoothing) = (0.3, 0.1) }
        for pair in pairs {
            let (found, expected) = (objective.loss(of: pair), sigmoid.loss(of: pair))
            #expect(abs(found.value - expected.value) < 1e-15)
            #expect(abs(found.chosenDerivative - expected.chosenDerivative) < 1e-16)
            #expect(abs(found.rejectedDerivative - expected.rejectedDerivative) < 1e-16)
        }
    }
}
