internal import Foundation
internal import Objectives
internal import Testing

/// Ties within rounding in the accuracies.
struct LogpRoundingTests {
    private static let rounding = LogpRounding(layers: 30)

    /// An example of responses whose tokens have these log-probabilities each, best first.
    private func example(_ means: [Double], reference: [Double], tokens: Int, ranks: [Int]) -> RankedLogps {
        RankedLogps(
            responses: zip(zip(means, reference), ranks).map { values, rank in
                ResponseLogps(
                    policy: Array(repeating: values.0, count: tokens),
                    reference: Array(repeating: values.1, count: tokens),
                    rank: rank
                )
            },
            pairs: ranks.indices.flatMap { a in ranks.indices.filter { ranks[a] < ranks[$0] }.map { (a, $0) } }
        )
    }

    private func accuracies(_ loss: String, _ row: RankedLogps) throws -> (rewards: Double, logps: Double) {
        var statistics = PreferenceStatistics()
        try Objective(loss).count(row, Self.rounding, into: &statistics)
        return (statistics.mean(.accuracy), statistics.mean(.logpAccuracy))
    }

    @Test(
        "a difference of some ulps of each token is a tie, a larger one is counted",
        arguments: ["sigmoid", "ipo", "plackett_luce", "aot", "sft", "cpo", "simpo", "orpo"],
        [1, 7, 1000]
    )
    func ties(loss: String, tokens: Int) throws {
        // Without a reference, rewards are log-probabilities: both responses have the same.
        let usesReference = try Objective(loss).usesReference
        func row(_ difference: Double) -> RankedLogps {
            let means = usesReference ? [-2 + difference, -3] : [-2 + difference, -2]
            return example(means, reference: usesReference ? [-2, -3] : [-9, -1], tokens: tokens, ranks: [0, 1])
        }
        for ulps in [-8.0, 0, 0.5, 1] {
            let small = ulps * Double(Float.ulpOfOne) * 2 / Double(tokens).squareRoot()
            #expect(try accuracies(loss, row(small)).rewards == 0, "\(ulps) ulps")
        }
        #expect(try accuracies(loss, row(1e-3)).rewards == 1)
        #expect(try accuracies(loss, row(-1e-3)).rewards == 0)
    }

    @Test("the tolerance is the documented formula, in units of rewards")
    func formula() throws {
        let (policy, reference, tokens) = (-120.0, -150.0, 64.0)
        let unit = 8 * 0x1p-23 * 31
        func error(_ logp: Double) -> Double { unit * (tokens + abs(logp)) / tokens.squareRoot() }
        let pair = PairLogps(
            chosen: policy,
            rejected: policy,
            referenceChosen: reference,
            referenceRejected: reference,
            chosenCount: 64,
            rejectedCount: 64
        )
        func found(_ loss: String) throws -> Double {
            try Objective(loss, set: { $0.beta = 0.5 }).rewardTolerance(of: pair, Self.rounding)
        }
        let two = error(policy) * 2.0.squareRoot()
        let four = (2 * error(policy) * error(policy) + 2 * error(reference) * error(reference)).squareRoot()
        #expect(abs(try found("sigmoid") - 0.5 * four) < 1e-15)
        #expect(abs(try found("cpo") - 0.5 * two) < 1e-15)
        #expect(abs(try found("simpo") - 0.5 * two / tokens) < 1e-15)
    }

    @Test("each pair of several responses counts by itself, and margins keep their values")
    func several() throws {
        let tiny = 1e-8
        let row = example([-2, -3 - tiny, -1 - 0.1], reference: [-2, -3, -1], tokens: 10, ranks: [0, 1, 2])
        var statistics = PreferenceStatistics()
        let objective = try Objective("sigmoid")
        objective.count(row, Self.rounding, into: &statistics)
        // Best against second: a tie; best and second against third: right.
        #expect(statistics[.pairs] == 3 && statistics[.accuracy] == 2)
        var exact = PreferenceStatistics()
        for pair in objective.pairs(of: row) { exact.add(pair, rewards: objective.rewards(of: pair)) }
        #expect(exact[.accuracy] == 3)
        for sum in [PreferenceStatistics.Sum.chosenReward, .rejectedReward, .chosenLogp, .rejectedLogp] {
            #expect(statistics[sum] == exact[sum])
        }
    }

    @Test("identical responses are equally likely, whatever the rounding")
    func identical() throws {
        let row = example([-2 + 1e-7, -2], reference: [-2, -2], tokens: 50, ranks: [0, 1])
        #expect(try accuracies("sigmoid", row) == (0, 0))
    }
}
