/// The measured speed of each rank, the same on every rank.
package struct RankSpeeds: Codable, Sendable, Equatable {
    /// Planned cost per second of each rank, an exponential mean over steps; empty before the first.
    ///
    /// 0 for a rank without work so far.
    private var rates: [Double] = []

    /// The weight of the newest step in the mean, which forgets a slow moment within some ten steps.
    private static let weight = 0.2

    /// No measurements.
    package init() {}

    /// Decodes rates, and refuses those that no rank reaches.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        rates = try values.decode([Double].self, forKey: .rates)
        guard rates.allSatisfy({ $0 == 0 || (1e-9...1e30).contains($0) }) else {
            let expected = "expected rates from 1e-9 to 1e30, or 0"
            throw DecodingError.dataCorruptedError(forKey: .rates, in: values, debugDescription: expected)
        }
    }

    /// Adds a step.
    ///
    /// - Parameter step: Planned cost per second of each rank, 0 for those without work.
    package mutating func add(_ step: [Double]) {
        // A run may resume on another number of ranks.
        guard rates.count == step.count else { return rates = step }
        for (rank, rate) in step.enumerated() where rate > 0 {
            rates[rank] = rates[rank] > 0 ? (1 - Self.weight) * rates[rank] + Self.weight * rate : rate
        }
    }

    /// The speeds of `ranks` ranks relative to their mean; nil if they are unknown, and count as equal.
    ///
    /// A rank without work so far counts as one of mean speed.
    package func relative(ranks: Int) -> [Double]? {
        let known = rates.filter { $0 > 0 }
        guard rates.count == ranks, !known.isEmpty else { return nil }
        let mean = known.reduce(0, +) / Double(known.count)
        return rates.map { $0 > 0 ? $0 / mean : 1 }
    }
}
