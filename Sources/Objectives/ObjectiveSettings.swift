internal import Formats

/// The settings of the loss, by TRL's names; a part of the settings of a run.
package struct ObjectiveSettings: Codable, Sendable, Equatable {
    /// The names of the losses that are added up, at least one.
    package var lossType = ["sigmoid"]
    /// The weight of each loss; nil for 1 each.
    package var lossWeights: [Double]?
    /// The strength of the regularization towards the reference model, above 0; in some losses the scale of a reward.
    package var beta = 0.1
    /// The probability that a label is flipped, in `[0, 0.5)`.
    package var labelSmoothing = 0.0
    /// The divergence from the reference model that defines rewards.
    package var fDivergenceType = Divergence.Kind.reverseKL
    /// α of the α-divergence.
    package var fAlphaDivergenceCoef = 0.5
    /// Whether pairs are weighted by their probability under the policy (WPO).
    package var useWeighting = false
    /// The weight of tokens beyond the shorter response's length (LD-DPO), in `[0, 1]`.
    package var ldAlpha = 1.0
    /// The target margin γ of simpo, in units of rewards.
    package var simpoGamma = 0.5
    /// The weight of the cross-entropy term of cpo, at least 0.
    package var cpoAlpha = 1.0
    /// The temperature τ of discopop's gate, in `(0, 1]`.
    package var discopopTau = 0.05

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case beta
        case lossType = "loss_type"
        case lossWeights = "loss_weights"
        case labelSmoothing = "label_smoothing"
        case fDivergenceType = "f_divergence_type"
        case fAlphaDivergenceCoef = "f_alpha_divergence_coef"
        case useWeighting = "use_weighting"
        case ldAlpha = "ld_alpha"
        case simpoGamma = "simpo_gamma"
        case cpoAlpha = "cpo_alpha"
        case discopopTau = "discopop_tau"
    }

    /// TRL's defaults: the DPO loss.
    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        // A single name needs no list.
        if let names = try? values.decode([String].self, forKey: .lossType) {
            lossType = names
        } else if let name = try values.decodeIfPresent(String.self, forKey: .lossType) {
            lossType = [name]
        }
        lossWeights = try values.decodeIfPresent([Double].self, forKey: .lossWeights)
        try values.read(.beta, into: &beta)
        try values.read(.labelSmoothing, into: &labelSmoothing)
        try values.choose(.fDivergenceType, into: &fDivergenceType)
        try values.read(.fAlphaDivergenceCoef, into: &fAlphaDivergenceCoef)
        try values.read(.useWeighting, into: &useWeighting)
        try values.read(.ldAlpha, into: &ldAlpha)
        try values.read(.simpoGamma, into: &simpoGamma)
        try values.read(.cpoAlpha, into: &cpoAlpha)
        try values.read(.discopopTau, into: &discopopTau)
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        if lossType.count == 1 {
            try values.encode(lossType[0], forKey: .lossType)
        } else {
            try values.encode(lossType, forKey: .lossType)
        }
        try values.encodeIfPresent(lossWeights, forKey: .lossWeights)
        try values.encode(beta, forKey: .beta)
        try values.encode(labelSmoothing, forKey: .labelSmoothing)
        try values.encode(fDivergenceType, forKey: .fDivergenceType)
        try values.encode(fAlphaDivergenceCoef, forKey: .fAlphaDivergenceCoef)
        try values.encode(useWeighting, forKey: .useWeighting)
        try values.encode(ldAlpha, forKey: .ldAlpha)
        try values.encode(simpoGamma, forKey: .simpoGamma)
        try values.encode(cpoAlpha, forKey: .cpoAlpha)
        try values.encode(discopopTau, forKey: .discopopTau)
    }

    /// The names of all losses.
    package static var lossNames: [String] { LossType.all.map(\.name) }

    var divergence: Divergence { Divergence(kind: fDivergenceType, alpha: fAlphaDivergenceCoef) }
}
