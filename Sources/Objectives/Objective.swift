internal import Foundation

/// The denominators of a step's losses, which are means.
package struct StepTotals: Sendable {
    /// Pairs of the step.
    let pairs: Int
    /// Examples of the step.
    let examples: Int
    /// Tokens of the best responses of all examples.
    let bestTokens: Int

    /// The totals of a step over all ranks.
    package init(pairs: Int, examples: Int, bestTokens: Int) {
        (self.pairs, self.examples, self.bestTokens) = (pairs, examples, bestTokens)
    }
}

/// The contribution of one example to a step's loss.
package struct RankedLoss: Sendable {
    /// The contribution: its sum over the step's examples, divided by the number of pairs, is the step's loss.
    package let value: Double
    /// The derivatives of the step's loss with respect to each token's log-probability, response by response.
    package let derivatives: [[Double]]
}

/// The weighted sum of losses that a run minimizes: a pure function of log-probabilities and of the step's totals.
package struct Objective: Sendable {
    /// A term of the sum, by its kind of mean.
    enum Term: Sendable {
        /// A mean over pairs.
        case pairs(any PairObjective)
        /// A mean over pairs, each of which is matched to others of the step.
        case transport(OptimalTransportObjective)
        /// A mean over examples.
        case ranking(PlackettLuceObjective)
        /// `-log π`, a mean over the tokens of the best responses, each counted once.
        case likelihood
    }

    struct WeightedTerm: Sendable {
        let term: Term
        let weight: Double

        init(_ term: Term, weight: Double = 1) {
            (self.term, self.weight) = (term, weight)
        }
    }

    /// Whether the reference model's log-probabilities enter the loss.
    package let usesReference: Bool
    /// Whether pairs are weighted (WPO), by `ResponseLogps.wpoLogWeight`.
    package let usesWeighting: Bool
    private let terms: [WeightedTerm]
    private let beta: Double
    private let tailWeight: Double?
    private let reward: LossType.Reward

    /// Creates the objective from settings.
    ///
    /// - Throws: `ObjectiveError` for the first setting that is unknown, out of range, or without effect.
    package init(_ settings: ObjectiveSettings) throws {
        let losses = try settings.losses()
        terms = losses.flatMap { loss, weight in
            loss.terms(settings).map { WeightedTerm($0.term, weight: weight * $0.weight) }
        }
        reward = LossType.Reward(ofMixture: losses.map(\.loss.reward))
        usesReference = reward == .logRatio
        usesWeighting = settings.useWeighting
        beta = settings.beta
        // nil keeps the plain sum over tokens.
        tailWeight = settings.ldAlpha == 1 ? nil : settings.ldAlpha
    }

    /// Whether the loss of a pair depends on the step's other pairs, which must then be scored first
    /// (`TransportMatching`).
    package var needsMatching: Bool {
        terms.contains { if case .transport = $0.term { true } else { false } }
    }

    /// Whether the loss is a mean over independent pairs.
    package var isMeanOverPairs: Bool {
        terms.allSatisfy { if case .pairs = $0.term { true } else { false } }
    }

    /// The log-probabilities of each pair of an example, as input of the losses.
    package func pairs(of row: RankedLogps) -> [PairLogps] {
        row.pairs.map { row.logps(of: $0, tailWeight: tailWeight) }
    }

    /// The rewards of a pair in the metrics: `β (log π - log π_ref)`, or `β log π` without a reference model, per token
    /// if the loss is.
    package func rewards(of pair: PairLogps) -> (chosen: Double, rejected: Double) {
        switch reward {
        case .logRatio: return (beta * pair.chosenLogRatio, beta * pair.rejectedLogRatio)
        case .logp: return (beta * pair.chosen, beta * pair.rejected)
        case .meanLogp:
            return (
                beta * pair.chosen / Double(pair.chosenCount), beta * pair.rejected / Double(pair.rejectedCount)
            )
        }
    }

    /// The difference between the rewards of a pair that rounding explains: within it they are tied.
    package func rewardTolerance(of pair: PairLogps, _ rounding: LogpRounding) -> Double {
        switch reward {
        case .logRatio: return beta * rounding.logRatioTolerance(of: pair)
        case .logp: return beta * rounding.logpTolerance(of: pair)
        case .meanLogp: return beta * rounding.meanLogpTolerance(of: pair)
        }
    }

    /// Adds the pairs of an example to `statistics`.
    package func count(_ row: RankedLogps, _ rounding: LogpRounding, into statistics: inout PreferenceStatistics) {
        for pair in pairs(of: row) {
            statistics.add(
                pair,
                rewards: rewards(of: pair),
                tolerances: (rewardTolerance(of: pair, rounding), rounding.logpTolerance(of: pair))
            )
        }
    }

    /// The contribution of an example to the loss of a step with these totals.
    package func loss(of row: RankedLogps, totals: StepTotals) -> RankedLoss {
        var derivatives = row.responses.map { $0.policy.map { _ in 0.0 } }
        var value = addPairs(of: row, to: &derivatives)
        for response in derivatives.indices {
            for token in derivatives[response].indices { derivatives[response][token] /= Double(totals.pairs) }
        }
        for term in terms {
            switch term.term {
            case .pairs, .transport: continue
            case .ranking(let objective):
                let (weight, loss) = (term.weight / Double(totals.examples), objective.loss(of: row))
                value += weight * loss.value * Double(totals.pairs)
                for (index, derivative) in loss.derivatives.enumerated() {
                    add(weight * derivative, to: &derivatives[index])
                }
            case .likelihood:
                let weight = term.weight / Double(totals.bestTokens)
                for (index, response) in row.responses.enumerated() where response.rank == 0 {
                    value -= weight * response.policySum * Double(totals.pairs)
                    add(-weight, to: &derivatives[index])
                }
            }
        }
        return RankedLoss(value: value, derivatives: derivatives)
    }

    // MARK: Pairs

    /// Returns the sum of the losses of an example's pairs, and adds their derivatives.
    private func addPairs(of row: RankedLogps, to derivatives: inout [[Double]]) -> Double {
        var value = 0.0
        for (index, pair) in row.pairs.enumerated() {
            let partners = row.partners.isEmpty ? nil : row.partners[index]
            let weight = usesWeighting ? Self.weight(of: pair, in: row) : 1
            let loss = weight * loss(of: row.logps(of: pair, tailWeight: tailWeight), matching: partners)
            value += loss.value
            let common = min(derivatives[pair.chosen].count, derivatives[pair.rejected].count)
            add(loss.chosenDerivative, to: &derivatives[pair.chosen], common: common)
            add(loss.rejectedDerivative, to: &derivatives[pair.rejected], common: common)
        }
        return value
    }

    private func loss(of pair: PairLogps, matching partners: TransportMatching.Partners?) -> PairLoss {
        terms.reduce(.zero) { sum, term in
            switch term.term {
            case .pairs(let objective): return sum + term.weight * objective.loss(of: pair)
            case .transport(let objective):
                guard let partners else { preconditionFailure("the step's pairs are matched first") }
                return sum + term.weight * objective.loss(of: pair, matching: partners)
            case .ranking, .likelihood: return sum
            }
        }
    }

    /// The WPO weight of a pair: the policy's probability of both responses, relative to its own samples; constant in
    /// the gradient.
    ///
    /// Zhou et al. 2024, "WPO: Enhancing RLHF with Weighted Preference Optimization", Eq. 2, with sampled alignment.
    private static func weight(of pair: (chosen: Int, rejected: Int), in row: RankedLogps) -> Double {
        exp(row.responses[pair.chosen].wpoLogWeight + row.responses[pair.rejected].wpoLogWeight)
    }

    /// Adds the derivative of a response to those of its tokens, multiplied by the tail weight beyond `common`.
    private func add(_ derivative: Double, to tokens: inout [Double], common: Int = .max) {
        let tail = tailWeight ?? 1
        for token in tokens.indices { tokens[token] += token < common ? derivative : tail * derivative }
    }
}
