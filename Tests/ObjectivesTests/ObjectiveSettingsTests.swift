internal import Objectives
internal import Testing

/// Which settings of the loss are refused, and how they define rewards.
struct ObjectiveSettingsTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        let message: String
        let change: @Sendable (inout ObjectiveSettings) -> Void

        init(_ message: String, _ change: @escaping @Sendable (inout ObjectiveSettings) -> Void) {
            self.message = message
            self.change = change
        }

        var testDescription: String { message }
    }

    private static let names = ObjectiveDerivativeTests.losses.sorted()

    private static let known =
        "sigmoid, hinge, ipo, exo_pair, nca_pair, robust, bco_pair, sppo_hard, aot, aot_unpaired, apo_zero, apo_down, "
        + "discopop, sft, sigmoid_norm, simpo, cpo, orpo, plackett_luce"

    private static let smoothing =
        "; remove it, or use a loss with this setting: sigmoid, exo_pair, robust, aot, aot_unpaired, simpo, cpo"
    private static let divergence =
        "; remove it, or use only losses with this setting: sigmoid, hinge, ipo, exo_pair, robust, discopop, sft, "
        + "sigmoid_norm"
    private static let weighting =
        "; remove it, or use only losses with this setting: sigmoid, hinge, ipo, exo_pair, nca_pair, robust, bco_pair, "
        + "sppo_hard, apo_zero, apo_down, discopop, sigmoid_norm, simpo"
    private static let tail =
        "; remove it, or use a loss with this setting: sigmoid, hinge, ipo, exo_pair, nca_pair, robust, bco_pair, "
        + "sppo_hard, aot, aot_unpaired, apo_zero, apo_down, discopop, sigmoid_norm"

    private static let mistakes = [
        Mistake("loss_type must be one of \(known), found sigmoyd; did you mean sigmoid?") {
            $0.lossType = ["sigmoyd"]
        },
        Mistake("loss_type must be one of \(known), found grpo-with-a-twist") {
            $0.lossType = ["sigmoid", "grpo-with-a-twist"]
        },
        Mistake("loss_type must be one loss or more, found none") { $0.lossType = [] },
        Mistake("loss_weights must be one number per loss, 2, found 1") {
            ($0.lossType, $0.lossWeights) = (["sigmoid", "sft"], [1])
        },
        Mistake(
            "loss_weights must be at least one that is not 0 in float32, or the run would learn nothing, found [0.0]"
        ) {
            $0.lossWeights = [0]
        },
        Mistake("beta must be above 0 in float32, or the run would learn nothing, found 1e-300") { $0.beta = 1e-300 },
        Mistake("loss_weights must be finite numbers, found [nan]") { $0.lossWeights = [.nan] },
        Mistake("beta must be a finite number above 0, found 0.0") { $0.beta = 0 },
        Mistake("label_smoothing must be at least 0, below 0.5, found 0.5") {
            ($0.lossType, $0.labelSmoothing) = (["robust"], 0.5)
        },
        Mistake("label_smoothing must be above 0 with exo_pair (0.001 in its paper), found 0.0") {
            $0.lossType = ["exo_pair"]
        },
        Mistake("label_smoothing must be omitted with hinge and sft, found 0.1\(smoothing)") {
            ($0.lossType, $0.labelSmoothing) = (["hinge", "sft"], 0.1)
        },
        Mistake("f_divergence_type must be omitted with bco_pair, found js_divergence\(divergence)") {
            ($0.lossType, $0.fDivergenceType) = (["sigmoid", "bco_pair"], .jensenShannon)
        },
        Mistake(
            "f_alpha_divergence_coef must be omitted with reverse_kl, found 0.25; remove it, or set f_divergence_type to alpha_divergence"
        ) {
            $0.fAlphaDivergenceCoef = 0.25
        },
        Mistake("f_alpha_divergence_coef must be a finite number, found inf") { $0.fAlphaDivergenceCoef = .infinity },
        Mistake("use_weighting must be omitted with aot, found true\(weighting)") {
            ($0.lossType, $0.useWeighting) = (["sigmoid", "aot"], true)
        },
        Mistake("use_weighting must be omitted with sft, found true\(weighting)") {
            ($0.lossType, $0.useWeighting) = (["sigmoid", "sft"], true)
        },
        Mistake("ld_alpha must be from 0 to 1, found 1.5") { $0.ldAlpha = 1.5 },
        Mistake("ld_alpha must be omitted with plackett_luce, found 0.5\(tail)") {
            ($0.lossType, $0.ldAlpha) = (["plackett_luce"], 0.5)
        },
        Mistake(
            "simpo_gamma must be omitted with sigmoid, found 1.0; remove it, or use a loss with this setting: simpo"
        ) { $0.simpoGamma = 1 },
        Mistake("simpo_gamma must be a finite number, found nan") { ($0.lossType, $0.simpoGamma) = (["simpo"], .nan) },
        Mistake("cpo_alpha must be a finite number, at least 0, found -1.0") {
            ($0.lossType, $0.cpoAlpha) = (["cpo"], -1)
        },
        Mistake("cpo_alpha must be omitted with simpo, found 0.0; remove it, or use a loss with this setting: cpo") {
            ($0.lossType, $0.cpoAlpha) = (["simpo"], 0)
        },
        Mistake("discopop_tau must be above 0, at most 1, found 2.0") {
            ($0.lossType, $0.discopopTau) = (["discopop"], 2)
        },
        Mistake(
            "discopop_tau must be omitted with sigmoid, found 0.1; remove it, or use a loss with this setting: discopop"
        ) { $0.discopopTau = 0.1 },
    ]

    @Test("settings that are unknown, out of range or without effect are refused in one line", arguments: mistakes)
    func refusals(mistake: Mistake) {
        var settings = ObjectiveSettings()
        mistake.change(&settings)
        let error = #expect(throws: ObjectiveError.self) { try Objective(settings) }
        #expect(error?.description == mistake.message)
    }

    @Test("a mixture supports the settings of each of its losses")
    func mixtures() throws {
        _ = try Objective("sigmoid", "sft") { ($0.labelSmoothing, $0.ldAlpha) = (0.1, 0.5) }
        _ = try Objective("sigmoid", "sft") { $0.fDivergenceType = .forwardKL }
        _ = try Objective("hinge", "simpo") { ($0.useWeighting, $0.simpoGamma) = (true, 2) }
        _ = try Objective("aot", "cpo") { $0.cpoAlpha = 3 }
    }

    @Test("rewards are log-ratios if the loss has a reference, else log-probabilities as in the loss")
    func rewards() throws {
        let pair = PairLogps(-10, -21, reference: (-12, -14))
        let cases: [([String], Bool, Double, Double)] = [
            (["sigmoid"], true, 1, -3.5), (["sft", "sigmoid"], true, 1, -3.5), (["simpo", "ipo"], true, 1, -3.5),
            (["plackett_luce"], true, 1, -3.5), (["sft"], false, -5, -10.5), (["cpo"], false, -5, -10.5),
            (["simpo"], false, -1, -1.5), (["sft", "orpo"], false, -1, -1.5),
        ]
        for (losses, usesReference, chosen, rejected) in cases {
            var settings = ObjectiveSettings()
            (settings.lossType, settings.beta) = (losses, 0.5)
            let objective = try Objective(settings)
            let rewards = objective.rewards(of: pair)
            #expect(objective.usesReference == usesReference)
            #expect(rewards.chosen == chosen && rewards.rejected == rejected, "\(losses)")
        }
    }

    @Test("only the optimal transport losses need the other pairs of a step")
    func matching() throws {
        for name in Self.names {
            let objective = try Objective(name) { $0.labelSmoothing = name == "exo_pair" ? 0.1 : 0 }
            #expect(objective.needsMatching == name.hasPrefix("aot"), "\(name)")
        }
        #expect(try Objective("sigmoid", "aot").needsMatching)
    }
}
