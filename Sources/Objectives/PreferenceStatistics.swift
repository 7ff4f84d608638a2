/// The statistics of a step or an evaluation: sums over pairs and tokens, which can be added over examples and ranks.
package struct PreferenceStatistics: Sendable, Equatable, Codable {
    /// The sums, in a fixed order, so that one reduction sums them all.
    package private(set) var sums = [Double](repeating: 0, count: Sum.allCases.count)

    /// The quantities that are summed.
    package enum Sum: Int, CaseIterable, Sendable {
        case pairs, loss, chosenReward, rejectedReward, accuracy, chosenLogp, rejectedLogp, logpAccuracy
        case responseTokens, entropy, chosenTokens, chosenTop1
    }

    /// Statistics of no pairs.
    package init() {}

    /// Statistics with these sums, for instance after a reduction over ranks.
    package init(sums: [Double]) {
        precondition(sums.count == Sum.allCases.count, "one number for each sum")
        self.sums = sums
    }

    /// Decodes the sums; checks their number, and that the count of pairs is one.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        sums = try values.decode([Double].self, forKey: .sums)
        guard sums.count == Sum.allCases.count, (0...0x1p53).contains(self[.pairs]) else {
            let expected = "expected \(Sum.allCases.count) sums, the first of them a count of pairs"
            throw DecodingError.dataCorruptedError(forKey: .sums, in: values, debugDescription: expected)
        }
    }

    /// One sum.
    package subscript(sum: Sum) -> Double {
        get { sums[sum.rawValue] }
        set { sums[sum.rawValue] = newValue }
    }

    /// Adds the loss of an example, from `RankedLoss`.
    package mutating func add(loss: Double) {
        self[.loss] += loss
    }

    /// Adds a pair with its rewards, from `Objective.rewards(of:)`.
    ///
    /// - Parameter tolerances: The differences of rewards and of log-probabilities that rounding explains, which do not count
    ///   as accurate.
    package mutating func add(
        _ pair: PairLogps,
        rewards: (chosen: Double, rejected: Double),
        tolerances: (reward: Double, logp: Double) = (0, 0)
    ) {
        self[.pairs] += 1
        self[.chosenReward] += rewards.chosen
        self[.rejectedReward] += rewards.rejected
        self[.accuracy] += rewards.chosen - rewards.rejected > tolerances.reward ? 1 : 0
        self[.chosenLogp] += pair.chosen
        self[.rejectedLogp] += pair.rejected
        self[.logpAccuracy] += pair.chosen - pair.rejected > tolerances.logp ? 1 : 0
    }

    /// Adds the tokens of a response: their summed entropy, and for a best response how many were the most probable
    /// token.
    package mutating func addResponse(tokens: Int, entropy: Double, top1: Int, isBest: Bool) {
        self[.responseTokens] += Double(tokens)
        self[.entropy] += entropy
        guard isBest else { return }
        self[.chosenTokens] += Double(tokens)
        self[.chosenTop1] += Double(top1)
    }

    /// The mean over pairs.
    package func mean(_ sum: Sum) -> Double { self[sum] / self[.pairs] }

    /// The metrics by TRL's names, without prefix.
    package var metrics: [(name: String, value: Double)] {
        [
            ("loss", mean(.loss)),
            ("rewards/chosen", mean(.chosenReward)),
            ("rewards/rejected", mean(.rejectedReward)),
            ("rewards/accuracies", mean(.accuracy)),
            ("rewards/margins", mean(.chosenReward) - mean(.rejectedReward)),
            ("logps/chosen", mean(.chosenLogp)),
            ("logps/rejected", mean(.rejectedLogp)),
            ("entropy", self[.entropy] / self[.responseTokens]),
            ("mean_token_accuracy", self[.chosenTop1] / self[.chosenTokens]),
        ]
    }
}
