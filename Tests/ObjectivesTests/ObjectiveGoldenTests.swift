internal import Foundation
internal import Objectives
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Goldens that `Tests/Goldens/make_objective_goldens.py` computed with TRL.
private struct ObjectiveGolden: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let settings: ObjectiveSettings
        /// Whether TRL computes in float32 here.
        let float32: Bool
        let loss: Double
        /// For each token; the chosen responses, then the rejected ones.
        let gradients: [[Double]]
        let rewards: [String: Double]

        var testDescription: String { "\(settings)" }
    }

    let logps: [[Double]]
    let referenceLogps: [[Double]]
    let logSquares: [[Double]]
    let cases: [Case]

    enum CodingKeys: String, CodingKey {
        case logps, cases
        case referenceLogps = "reference_logps"
        case logSquares = "log_squares"
    }

    static func load() throws -> ObjectiveGolden {
        let path = Places.repository.appending("Tests/Goldens/objectives.json")
        return try JSONDecoder().decode(ObjectiveGolden.self, from: Data(contentsOf: URL(fileURLWithPath: path.string)))
    }

    /// The four pairs as examples of a step.
    var step: Step {
        let pairs = logps.count / 2
        return Step(
            (0..<pairs).map { pair in
                let both = [pair, pair + pairs]
                return Step.Row(
                    policy: both.map { logps[$0] },
                    reference: both.map { referenceLogps[$0] },
                    ranks: [0, 1],
                    alignments: both.map { response in
                        let sum = zip(logps[response], logSquares[response]).reduce(0) { $0 + $1.0 - $1.1 }
                        return sum / Double(logps[response].count)
                    },
                    pairs: [(0, 1)]
                )
            }
        )
    }
}

struct ObjectiveGoldenTests {
    @Test("losses, gradients and rewards equal TRL's, for every loss, divergence, weighting and mixture in TRL")
    func equalsTRL() throws {
        let golden = try ObjectiveGolden.load()
        let step = golden.step
        for testCase in golden.cases {
            let objective = try Objective(testCase.settings)
            let tolerance = testCase.float32 ? 2e-6 : 1e-13
            func expect(_ found: Double, _ expected: Double, _ what: String) {
                #expect(abs(found - expected) <= tolerance * max(1, abs(expected)), "\(what) of \(testCase.settings)")
            }
            let (value, derivatives) = step.loss(objective)
            expect(value, testCase.loss, "loss")
            let found = (0..<2).flatMap { response in derivatives.map { $0[response] } }
            #expect(found.map(\.count) == testCase.gradients.map(\.count))
            for (a, b) in zip(found.joined(), testCase.gradients.joined()) { expect(a, b, "derivative") }
            // TRL computes the rewards of sft with a reference model, which this objective does not use.
            guard testCase.settings.lossType != ["sft"] else { continue }
            var statistics = PreferenceStatistics()
            for pair in step.pairs(objective) { statistics.add(pair, rewards: objective.rewards(of: pair)) }
            for (name, value) in statistics.metrics where name.hasPrefix("rewards/") {
                expect(value, try #require(testCase.rewards[name]), name)
            }
        }
        #expect(golden.cases.count == 52)
        let known = Set(golden.cases.flatMap(\.settings.lossType))
        #expect(known == Set(ObjectiveDerivativeTests.losses).subtracting(["plackett_luce"]))
    }
}
