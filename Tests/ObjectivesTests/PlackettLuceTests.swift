internal import Foundation
internal import Objectives
internal import Testing

struct PlackettLuceTests {
    /// An example with responses of one token each, with these log-ratios.
    private func row(_ logRatios: [Double], ranks: [Int]) -> Step {
        Step([
            Step.Row(
                policy: logRatios.map { [-7 + $0] },
                reference: logRatios.map { _ in [-7] },
                ranks: ranks,
                alignments: logRatios.map { _ in 0 },
                pairs: [(0, ranks.count - 1)]
            )
        ])
    }

    private func rankingLoss(_ logRatios: [Double], ranks: [Int]) throws -> (value: Double, derivatives: [Double]) {
        let (value, derivatives) = try row(logRatios, ranks: ranks).loss(Objective("plackett_luce") { $0.beta = 0.7 })
        return (value, derivatives[0].map { $0[0] })
    }

    @Test("the loss of two responses is the sigmoid loss", arguments: [-900, -3, 0, 0.5, 60, 900.0])
    func pair(margin: Double) throws {
        let found = try rankingLoss([margin / 2, -margin / 2], ranks: [0, 1])
        let expected = try row([margin / 2, -margin / 2], ranks: [0, 1]).loss(Objective("sigmoid") { $0.beta = 0.7 })
        #expect(abs(found.value - expected.value) <= 1e-14 * expected.value)
        for (a, b) in zip(found.derivatives, expected.derivatives[0].joined()) {
            #expect(abs(a - b) <= 1e-14 * abs(b))
        }
    }

    @Test("the probability of a strict ranking is that of successive choices")
    func picking() throws {
        let logRatios = [0.3, -1, 2, 0.1]
        let strengths = logRatios.map { exp(0.7 * $0) }
        let probability = (0..<3).reduce(1) { $0 * strengths[$1] / strengths[$1...].reduce(0, +) }
        let loss = try rankingLoss(logRatios, ranks: [0, 1, 2, 3]).value
        #expect(abs(loss + log(probability)) < 1e-14)
        // The probabilities of all orders add up to 1.
        func orders(_ rest: [Double]) -> [[Double]] {
            rest.isEmpty
                ? [[]]
                : rest.indices.flatMap { index in
                    orders(rest.enumerated().filter { $0.offset != index }.map(\.element)).map { [rest[index]] + $0 }
                }
        }
        let total = try orders(logRatios).reduce(0) { $0 + exp(-(try rankingLoss($1, ranks: [0, 1, 2, 3]).value)) }
        #expect(abs(total - 1) < 1e-13)
    }

    @Test("ties do not compete with each other, and their order does not matter")
    func ties() throws {
        // Two that are tied for best, each against the third only.
        let found = try rankingLoss([0.4, -0.2, 1], ranks: [0, 0, 1])
        let separate = try [0.4, -0.2].map { try rankingLoss([$0, 1], ranks: [0, 1]) }
        #expect(abs(found.value - separate.reduce(0) { $0 + $1.value }) < 1e-15)
        #expect(found.derivatives[0] == separate[0].derivatives[0])
        #expect(found.derivatives[1] == separate[1].derivatives[0])
        let swapped = try rankingLoss([-0.2, 0.4, 1], ranks: [0, 0, 1])
        #expect(abs(swapped.value - found.value) < 1e-15)
        // The worst are chosen among no others.
        let last = try rankingLoss([0.4, -0.2, 1], ranks: [0, 1, 1])
        let strengths = [0.4, -0.2, 1].map { exp(0.7 * $0) }
        #expect(abs(last.value + log(strengths[0] / strengths.reduce(0, +))) < 1e-15)
    }

    @Test("rewards of any size have a finite loss", arguments: [1e4, -1e4])
    func limits(size: Double) throws {
        let found = try rankingLoss([size, 0, -size], ranks: [0, 1, 2])
        #expect(found.value.isFinite && found.derivatives.allSatisfy(\.isFinite))
        #expect(size > 0 ? found.value == 0 : found.value > 1e4)
    }
}
