/// What both models say of one response, token by token.
package struct ResponseLogps: Sendable {
    /// The policy's log-probability of each token, in nats; at least one.
    package let policy: [Double]
    /// The reference model's, in nats; as many.
    package let reference: [Double]
    /// 0 for the best responses of the row; equal for ties.
    package let rank: Int
    /// The mean over tokens of `log p(token) - log Σ_v p(v)²` under the policy, in nats; 0 where nothing is weighted.
    package let alignment: Double
    /// The sum of `policy`, in token order.
    let policySum: Double
    /// The sum of `reference`, in token order.
    let referenceSum: Double

    /// A response's log-probabilities.
    package init(policy: [Double], reference: [Double], rank: Int, alignment: Double = 0) {
        precondition(!policy.isEmpty && policy.count == reference.count, "both models have read the same tokens")
        (self.policy, self.reference, self.rank, self.alignment) = (policy, reference, rank, alignment)
        (policySum, referenceSum) = (policy.reduce(0, +), reference.reduce(0, +))
    }
}

/// One row of the data as an objective sees it: its responses, and which of them are compared.
package struct RankedLogps: Sendable {
    /// Best first.
    package let responses: [ResponseLogps]
    /// Indices into `responses`.
    package let pairs: [(chosen: Int, rejected: Int)]
    /// What each pair meets among the step's, where the objective asks for it; else empty.
    package let partners: [TransportMatching.Partners]

    /// The responses of a row and its pairs.
    package init(
        responses: [ResponseLogps],
        pairs: [(chosen: Int, rejected: Int)],
        partners: [TransportMatching.Partners] = []
    ) {
        precondition(partners.isEmpty || partners.count == pairs.count, "partners for each pair or for none")
        (self.responses, self.pairs, self.partners) = (responses, pairs, partners)
    }

    /// A pair's log-probabilities.
    ///
    /// - Parameter tailWeight: The weight of tokens beyond the shorter response's length, in both models; nil for 1. From
    ///   LD-DPO (Liu et al. 2024, "Length Desensitization in Direct Preference Optimization").
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
