/// The token log-probabilities of one response under both models.
package struct ResponseLogps: Sendable {
    /// The policy's log-probability of each token, in nats; at least one.
    package let policy: [Double]
    /// The reference model's log-probability of each token, in nats.
    package let reference: [Double]
    /// The rank of the response in its example: 0 for the best, equal for ties.
    package let rank: Int
    /// The log-weight of WPO, the mean over tokens of `log p(token) - log Σ_v p(v)²` under the policy, in nats; 0
    /// without weighting.
    package let wpoLogWeight: Double
    /// The sum of `policy`, in token order.
    let policySum: Double
    /// The sum of `reference`, in token order.
    let referenceSum: Double

    /// A response's log-probabilities.
    package init(policy: [Double], reference: [Double], rank: Int, wpoLogWeight: Double = 0) {
        precondition(!policy.isEmpty && policy.count == reference.count, "one log-probability per token and model")
        (self.policy, self.reference, self.rank, self.wpoLogWeight) = (policy, reference, rank, wpoLogWeight)
        (policySum, referenceSum) = (policy.reduce(0, +), reference.reduce(0, +))
    }
}

/// One example as input of an objective: the log-probabilities of its responses, and its pairs.
package struct RankedLogps: Sendable {
    /// Best first.
    package let responses: [ResponseLogps]
    /// Indices into `responses`.
    package let pairs: [(chosen: Int, rejected: Int)]
    /// The matched values of each pair, if the objective needs them; else empty.
    package let partners: [TransportMatching.Partners]

    /// An example with these responses and pairs.
    package init(
        responses: [ResponseLogps],
        pairs: [(chosen: Int, rejected: Int)],
        partners: [TransportMatching.Partners] = []
    ) {
        precondition(partners.isEmpty || partners.count == pairs.count, "partners for each pair or for none")
        (self.responses, self.pairs, self.partners) = (responses, pairs, partners)
    }

    /// The log-probabilities of a pair.
    ///
    /// - Parameter tailWeight: The weight of tokens beyond the shorter response's length, for both models; nil for 1.
    ///   From LD-DPO (Liu et al. 2024, "Length Desensitization in Direct Preference Optimization").
    func logps(of pair: (chosen: Int, rejected: Int), tailWeight: Double?) -> PairLogps {
        let (chosen, rejected) = (responses[pair.chosen], responses[pair.rejected])
        let common = min(chosen.policy.count, rejected.policy.count)
        func sum(_ tokens: [Double], _ whole: Double) -> Double {
            guard let tailWeight, tokens.count > common else { return whole }
            return tokens[..<common].reduce(0, +) + tailWeight * tokens[common...].reduce(0, +)
        }
        return PairLogps(
            chosen: sum(chosen.policy, chosen.policySum),
            rejected: sum(rejected.policy, rejected.policySum),
            referenceChosen: sum(chosen.reference, chosen.referenceSum),
            referenceRejected: sum(rejected.reference, rejected.referenceSum),
            chosenCount: chosen.policy.count,
            rejectedCount: rejected.policy.count
        )
    }
}
