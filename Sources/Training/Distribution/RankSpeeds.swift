/// By what a step's work is divided over ranks.
package enum Balance: String, CaseIterable, Sendable, Codable {
    /// All ranks get the same.
    case planned
    /// Each gets a share by its measured speed, where hosts are not alike.
    case measured
}

/// What each rank has done in a second, which every rank knows alike.
package struct RankSpeeds: Codable, Sendable, Equatable {
    /// Planned cost a second of each rank, an exponential mean over steps; empty before the first.
    ///
    /// 0 for a rank that has had no work.
    private var rates: [Double] = []

    /// The share of the newest step in the mean: it forgets a slow moment within some ten steps.
    private static let weight = 0.2

    /// Nothing known.
    package init() {}

    /// Reads rates, of which a file may have any: those that no rank has would divide nothing.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        rates = try values.decode([Double].self, forKey: .rates)
        guard rates.allSatisfy({ $0 == 0 || (1e-9...1e30).contains($0) }) else {
            let expected = "expected rates from 1e-9 to 1e30, or 0"
            throw DecodingError.dataCorruptedError(forKey: .rates, in: values, debugDescription: expected)
        }
    }

    /// Takes in a step.
    ///
    /// - Parameter step: Planned cost a second of each rank, 0 for those that had no work.
    package mutating func add(_ step: [Double]) {
        // A run may go on with other ranks than it began with.
        guard rates.count == step.count else { return rates = step }
        for (rank, rate) in step.enumerated() where rate > 0 {
            rates[rank] = rates[rank] > 0 ? (1 - Self.weight) * rates[rank] + Self.weight * rate : rate
        }
    }

    /// Speeds of so many ranks relative to their mean; nil where they are not known, and all count as alike.
    ///
    /// A rank that has had no work counts as one of mean speed.
    package func relative(ranks: Int) -> [Double]? {
        let known = rates.filter { $0 > 0 }
        guard rates.count == ranks, !known.isEmpty else { return nil }
        let mean = known.reduce(0, +) / Double(known.count)
        return rates.map { $0 > 0 ? $0 / mean : 1 }
    }
}
