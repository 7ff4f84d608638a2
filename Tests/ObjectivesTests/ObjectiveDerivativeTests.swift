internal import Foundation
internal import Objectives
internal import Testing

/// The derivatives of every objective, and its behaviour for extreme inputs.
struct ObjectiveDerivativeTests {
    /// Settings by name.
    struct Case: Sendable, CustomTestStringConvertible {
        let settings: ObjectiveSettings
        let testDescription: String

        init(_ lossType: [String], _ what: String = "", _ set: (inout ObjectiveSettings) -> Void = { _ in }) {
            var settings = ObjectiveSettings()
            settings.lossType = lossType
            settings.beta = 0.4
            set(&settings)
            self.settings = settings
            testDescription = lossType.joined(separator: "+") + (what.isEmpty ? "" : ", \(what)")
        }
    }

    static let losses = [
        "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
        "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm", "simpo", "cpo", "orpo", "plackett_luce",
    ]
    private static let divergent = ["sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop"]
    private static let smoothed = ["sigmoid", "exo_pair", "robust", "aot", "aot_unpaired", "simpo", "cpo"]

    static let cases: [Case] =
        losses.map { loss in Case([loss]) { $0.labelSmoothing = loss == "exo_pair" ? 0.01 : 0 } }
        + smoothed.map { loss in Case([loss], "smoothed") { $0.labelSmoothing = 0.2 } }
        + divergent.flatMap { loss in
            Divergence.Kind.allCases.dropFirst().map { kind in
                Case([loss], kind.rawValue) {
                    $0.fDivergenceType = kind
                    $0.labelSmoothing = loss == "exo_pair" ? 0.01 : 0
                }
            }
        }
        + [
            Case(["sigmoid"], "α 2.5") { ($0.fDivergenceType, $0.fAlphaDivergenceCoef) = (.alpha, 2.5) },
            Case(["sigmoid", "bco_pair", "sft"], "MPO") { $0.lossWeights = [0.8, 0.2, 1] },
            Case(["plackett_luce", "sft", "aot"], "mixed") { $0.lossWeights = [0.5, 0.25, -2] },
            Case(["hinge", "orpo"], "mixed"),
            Case(["sigmoid"], "WPO") { $0.useWeighting = true },
            Case(["simpo", "sppo_hard"], "WPO") { $0.useWeighting = true },
            Case(["discopop"], "τ 1") { $0.discopopTau = 1 },
        ]
        + ["sigmoid", "ipo", "bco_pair", "aot", "aot_unpaired"].flatMap { loss in
            [0, 0.3, 1].map { (alpha: Double) in Case([loss], "LD \(alpha)") { $0.ldAlpha = alpha } }
        }

    @Test("derivatives follow central differences, token by token", arguments: cases)
    func derivatives(of testCase: Case) throws {
        let objective = try Objective(testCase.settings)
        var step = Step()
        let found = step.loss(objective).derivatives
        // Rounding is 1e-16 * loss / h, truncation h² times a third derivative of order 1.
        let width = 1e-5
        var (compared, largest) = (0, 0.0)
        for row in step.rows.indices {
            for response in step.rows[row].policy.indices {
                for token in step.rows[row].policy[response].indices {
                    let value = step.rows[row].policy[response][token]
                    step.rows[row].policy[response][token] = value + width
                    let above = step.loss(objective).value
                    step.rows[row].policy[response][token] = value - width
                    let difference = (above - step.loss(objective).value) / (2 * width)
                    step.rows[row].policy[response][token] = value
                    let derivative = found[row][response][token]
                    let error = abs(derivative - difference)
                    #expect(error < 2e-9 * max(1, abs(difference)), "\(row), \(response), \(token)")
                    (compared, largest) = (compared + 1, max(largest, abs(derivative)))
                }
            }
        }
        #expect(compared == 37 && largest > 1e-4)
    }

    @Test("losses and derivatives stay finite for extreme inputs", arguments: cases)
    func limits(of testCase: Case) throws {
        let objective = try Objective(testCase.settings)
        for (chosen, rejected) in [(1e4, -1e4), (-1e4, 1e4), (-1e4, -1e4), (1e4, 1e4), (0, 0)] {
            // Log-ratios of both signs; log-probabilities are never above 0.
            let pair = PairLogps(
                chosen: min(chosen, 0),
                rejected: min(rejected, 0),
                referenceChosen: min(-chosen, 0),
                referenceRejected: min(-rejected, 0),
                chosenCount: 5,
                rejectedCount: 7
            )
            let loss = objective.loss(of: pair)
            #expect(loss.value.isFinite && loss.chosenDerivative.isFinite && loss.rejectedDerivative.isFinite)
        }
    }

    @Test("NaN propagates to loss and derivatives", arguments: cases)
    func notANumber(of testCase: Case) throws {
        let objective = try Objective(testCase.settings)
        let loss = objective.loss(of: PairLogps(.nan, -3, reference: (-2, -4)))
        #expect(loss.value.isNaN)
        let isConstant = testCase.settings.lossType == ["sft"]
        #expect(loss.chosenDerivative.isNaN != isConstant)
    }

    @Test(
        "a larger margin has no larger loss, except with discopop, which has a local minimum",
        arguments: divergent.filter { $0 != "discopop" }
    )
    func monotonic(loss: String) throws {
        // The squared loss and the one with a soft label have a best margin beyond which they increase.
        let objective = try Objective(loss) { $0.labelSmoothing = loss == "exo_pair" ? 1e-9 : 0 }
        let margins = loss == "ipo" ? [-40, -10, -1, 0, 1, 3] : [-400, -100, -10, -1, 0, 1, 10, 100.0]
        let values = margins.map { objective.loss(of: PairLogps(margin: $0)).value }
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 } && values[0] > values[values.count - 1])
    }
}
