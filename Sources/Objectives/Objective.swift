internal import Foundation

/// What a step's losses are means of.
package struct StepTotals: Sendable {
    /// Pairs of the step.
    let pairs: Int
    /// Rows of the data in the step.
    let rows: Int
    /// Tokens of the best responses of all rows.
    let bestTokens: Int

    /// The totals of a step over all ranks.
    package init(pairs: Int, rows: Int, bestTokens: Int) {
        (self.pairs, self.rows, self.bestTokens) = (pairs, rows, bestTokens)
    }
}

/// One row's part of a step's loss.
package struct RankedLoss: Sendable {
    /// Such that the sum over the step's rows, divided by the number of its pairs, is the step's loss.
    package let value: Double
    /// The derivatives of the step's loss for each token's log-probability, response by response.
    package let derivatives: [[Double]]
}

/// The weighted sum of losses that a run minimizes: a pure function of a row's log-probabilities and of the step's totals.
package struct Objective: Sendable {
    /// A part of the sum, by what it is a mean of.
    enum Term: Sendable {
        /// A mean over pairs.
        case pairs(any PairObjective)
        /// A mean over pairs, each of which meets others of the step.
        case alignment(AlignmentObjective)
        /// A mean over rows.
        case ranking(PlackettLuceObjective)
        /// `-log π`, a mean over the tokens of best responses, each counted once.
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
    /// Whether pairs are weighted by `ResponseLogps.alignment`.
    package let usesWeighting: Bool
    private let terms: [WeightedTerm]
    private let beta: Double
    private let tailWeight: Double?
    private let reward: LossType.Reward

    /// The objective that the settings describe.
    ///
    /// - Throws: `ObjectiveError` for the first setting that is unknown, out of range, or without effect.
    package init(_ settings: ObjectiveSettings) throws {
        let losses = try settings.losses()
        terms = losses.flatMap { loss, weight in
            loss.terms(settings).map { WeightedTerm($0.term, weight: weight * $0.weight) }
        }
        let rewards = losses.map(\.loss.reward)
        usesReference = rewards.contains(.logRatio)
        reward = usesReference ? .logRatio : rewards.contains(.meanLogp) ? .meanLogp : .logp
        usesWeighting = settings.useWeighting
        beta = settings.beta
        // Without a tail a sum over tokens is taken as it is.
        tailWeight = settings.ldAlpha == 1 ? nil : settings.ldAlpha
    }

    /// Whether a row's loss depends on the step's other pairs, which must then be scored first (`TransportMatching`).
    package var needsMatching: Bool {
        terms.contains { if case .alignment = $0.term { true } else { false } }
    }

    /// Whether the loss is a mean over pairs, none of which another's loss depends on.
    package var isMeanOverPairs: Bool {
        terms.allSatisfy { if case .pairs = $0.term { true } else { false } }
    }

    /// The log-probabilities of each of a row's pairs, as the losses see them.
    package func pairs(of row: RankedLogps) -> [PairLogps] {
        row.pairs.map { row.logps(of: $0, tailWeight: tailWeight) }
    }

    /// What the metrics count as a pair's rewards: `β (log π - log π_ref)`, or without a reference `β log π`, divided by
    /// the response's tokens where the loss is.
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

    /// A row's part of the loss of a step with these totals.
    package func loss(of row: RankedLogps, totals: StepTotals) -> RankedLoss {
        var derivatives = row.responses.map { $0.policy.map { _ in 0.0 } }
        var value = addPairs(of: row, to: &derivatives)
        for response in derivatives.indices {
            for token in derivatives[response].indices { derivatives[response][token] /= Double(totals.pairs) }
        }
        for term in terms {
            switch term.term {
            case .pairs, .alignment: continue
            case .ranking(let objective):
                let (weight, loss) = (term.weight / Double(totals.rows), objective.loss(of: row))
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

    /// Adds up the losses of the row's pairs, and their derivatives.
    private func addPairs(of row: RankedLogps, to derivatives: inout [[Double]]) -> Double {
        var value = 0.0
        for (index, pair) in row.pairs.enumerated() {
            let partners = row.partners.isEmpty ? nil : row.partners[index]
            let weight = usesWeighting ? Self.weight(of: pair, in: row) : 1
            let loss = weight * loss(of: row.logps(of: pair, tailWeight: tailWeight), meeting: partners)
            value += loss.value
            let common = min(derivatives[pair.chosen].count, derivatives[pair.rejected].count)
            add(loss.chosenDerivative, to: &derivatives[pair.chosen], common: common)
            add(loss.rejectedDerivative, to: &derivatives[pair.rejected], common: common)
        }
        return value
    }

    private func loss(of pair: PairLogps, meeting partners: TransportMatching.Partners?) -> PairLoss {
        terms.reduce(.zero) { sum, term in
            switch term.term {
            case .pairs(let objective): return sum + term.weight * objective.loss(of: pair)
            case .alignment(let objective):
                guard let partners else { preconditionFailure("the step's pairs have been matched") }
                return sum + term.weight * objective.loss(of: pair, meeting: partners)
            case .ranking, .likelihood: return sum
            }
        }
    }

    /// How likely the policy finds both responses, in relation to its own choice; a constant for the gradient.
    ///
    /// WPO: Zhou et al. 2024, "WPO: Enhancing RLHF with Weighted Preference Optimization", Eq. 2, aligned by the policy's
    /// own distribution.
    private static func weight(of pair: (chosen: Int, rejected: Int), in row: RankedLogps) -> Double {
        exp(row.responses[pair.chosen].alignment + row.responses[pair.rejected].alignment)
    }

    /// Adds a response's derivative to those of its tokens; beyond `common` they have the tail's weight.
    private func add(_ derivative: Double, to tokens: inout [Double], common: Int = .max) {
        let tail = tailWeight ?? 1
        for token in tokens.indices { tokens[token] += token < common ? derivative : tail * derivative }
    }
}
