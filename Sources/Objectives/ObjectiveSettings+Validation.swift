internal import Formats

/// A setting of the loss is out of range, or has no effect.
package struct ObjectiveError: Error, CustomStringConvertible, Equatable {
    let setting: String
    let expected: String
    let found: String
    /// The remedy with a semicolon in front; empty if `expected` says enough.
    var remedy = ""

    package var description: String { "\(setting) must be \(expected), found \(found.quotable())\(remedy)" }
}

extension ObjectiveSettings {
    /// The losses and their weights, after validation of all settings.
    ///
    /// - Throws: `ObjectiveError` for the first setting that is unknown, out of range, or without effect.
    func losses() throws -> [(loss: LossType, weight: Double)] {
        let losses = try lossType.map(Self.loss)
        try check(.lossType, !losses.isEmpty, "one loss or more", "none")
        let weights = lossWeights ?? losses.map { _ in 1 }
        let count = losses.count
        try check(.lossWeights, weights.count == count, "one number per loss, \(count)", weights.count)
        try check(.lossWeights, weights.allSatisfy(\.isFinite), "finite numbers", weights)
        let learnsNothing = "at least one that is not 0 in float32, or the run would learn nothing"
        try check(.lossWeights, weights.contains { Float($0) != 0 }, learnsNothing, weights)
        try checkRanges()
        try checkUse(in: losses)
        return zip(losses, weights).map { ($0, $1) }
    }

    private static func loss(named name: String) throws -> LossType {
        if let loss = LossType.all.first(where: { $0.name == name }) { return loss }
        let known = lossNames
        let hint = nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
        throw ObjectiveError(
            setting: CodingKeys.lossType.rawValue,
            expected: "one of \(known.joined(separator: ", "))",
            found: name + hint
        )
    }

    private func checkRanges() throws {
        try check(.beta, beta.isFinite && beta > 0, "a finite number above 0", beta)
        try check(.beta, Float(beta) > 0, "above 0 in float32, or the run would learn nothing", beta)
        try check(.labelSmoothing, (0..<0.5).contains(labelSmoothing), "at least 0, below 0.5", labelSmoothing)
        try check(.fAlphaDivergenceCoef, fAlphaDivergenceCoef.isFinite, "a finite number", fAlphaDivergenceCoef)
        try check(.ldAlpha, (0...1).contains(ldAlpha), "from 0 to 1", ldAlpha)
        try check(.simpoGamma, simpoGamma.isFinite, "a finite number", simpoGamma)
        try check(.cpoAlpha, cpoAlpha.isFinite && cpoAlpha >= 0, "a finite number, at least 0", cpoAlpha)
        try check(.discopopTau, discopopTau > 0 && discopopTau <= 1, "above 0, at most 1", discopopTau)
    }

    /// Refuses settings that a loss does not allow, or that would have no effect.
    private func checkUse(in losses: [LossType]) throws {
        let standard = ObjectiveSettings()
        if losses.contains(where: { $0.name == LossType.exoPair.name }) {
            let expected = "above 0 with exo_pair (0.001 in its paper)"
            try check(.labelSmoothing, labelSmoothing > 0, expected, labelSmoothing)
        }
        let given: [(key: CodingKeys, option: LossOption, isSet: Bool, found: String)] = [
            (.labelSmoothing, .labelSmoothing, labelSmoothing > 0, "\(labelSmoothing)"),
            (.fDivergenceType, .divergence, fDivergenceType != .reverseKL, fDivergenceType.rawValue),
            (.useWeighting, .weighting, useWeighting, "true"),
            (.ldAlpha, .tailWeight, ldAlpha != standard.ldAlpha, "\(ldAlpha)"),
            (.simpoGamma, .simpoGamma, simpoGamma != standard.simpoGamma, "\(simpoGamma)"),
            (.cpoAlpha, .cpoAlpha, cpoAlpha != standard.cpoAlpha, "\(cpoAlpha)"),
            (.discopopTau, .discopopTau, discopopTau != standard.discopopTau, "\(discopopTau)"),
        ]
        for (key, option, isSet, found) in given where isSet {
            let others = losses.filter { !$0.takes.contains(option) }
            let hasEffect = option.concernsAll ? others.isEmpty : others.count < losses.count
            let users = LossType.all.filter { $0.takes.contains(option) }.map(\.name).joined(separator: ", ")
            let remedy =
                "; remove it, or use \(option.concernsAll ? "only losses" : "a loss") with this setting: \(users)"
            let expected = "omitted with \(others.map(\.name).joined(separator: " and "))"
            try check(key, hasEffect, expected, found, remedy: remedy)
        }
        let hasEffect = fDivergenceType == .alpha || fAlphaDivergenceCoef == standard.fAlphaDivergenceCoef
        let expected = "omitted with \(fDivergenceType.rawValue)"
        let remedy = "; remove it, or set f_divergence_type to alpha_divergence"
        try check(.fAlphaDivergenceCoef, hasEffect, expected, fAlphaDivergenceCoef, remedy: remedy)
    }

    private func check(
        _ key: CodingKeys,
        _ isValid: Bool,
        _ expected: String,
        _ found: some Any,
        remedy: String = ""
    ) throws {
        guard !isValid else { return }
        throw ObjectiveError(setting: key.rawValue, expected: expected, found: "\(found)", remedy: remedy)
    }
}
