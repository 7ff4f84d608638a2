/// What the metrics of a step or an evaluation are made of: sums over pairs and tokens, which add up over rows and ranks.
package struct PreferenceStatistics: Sendable, Equatable, Codable {
    /// The sums, in a fixed order so that one reduction carries them all.
    package private(set) var sums = [Double](repeating: 0, count: Sum.allCases.count)

    /// What is summed.
    package enum Sum: Int, CaseIterable, Sendable {
        case pairs, loss, chosenReward, rejectedReward, accuracy, chosenLogp, rejectedLogp, logpAccuracy
        case responseTokens, entropy, chosenTokens, chosenTop1
    }

    /// Nothing counted yet.
    package init() {}

    /// The statistics that `sums`, for instance added up over ranks, stand for.
    package init(sums: [Double]) {
        precondition(sums.count == Sum.allCases.count, "one number for each sum")
        self.sums = sums
    }

    /// Reads sums, of which a file may have any number, and pairs, which are counted.
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

    /// Counts a row's part of the loss, as `RankedLoss` gives it.
    package mutating func add(loss: Double) {
        self[.loss] += loss
    }

    /// Counts a pair with the rewards that its objective gives.
    package mutating func add(_ pair: PairLogps, rewards: (chosen: Double, rejected: Double)) {
        self[.pairs] += 1
        self[.chosenReward] += rewards.chosen
        self[.rejectedReward] += rewards.rejected
        self[.accuracy] += rewards.chosen > rewards.rejected ? 1 : 0
        self[.chosenLogp] += pair.chosen
        self[.rejectedLogp] += pair.rejected
        self[.logpAccuracy] += pair.chosen > pair.rejected ? 1 : 0
    }

    /// Counts a response's tokens: their summed entropy, and for a best one how many were the most probable ones.
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
