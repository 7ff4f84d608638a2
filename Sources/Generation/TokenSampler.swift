internal import Foundation
internal import Preferences

/// The choice of the next token by its logits.
package struct TokenSampler {
    /// How tokens are chosen.
    package struct Settings: Sendable {
        /// The divisor of the logits; 0 chooses the most probable token, and of equal ones the first.
        package var temperature = 0.0
        /// The number of the most probable tokens to choose among; 0 for all.
        package var topK = 0
        /// The probability that the most probable tokens to choose among have together, at least; 1 for all.
        package var topP = 1.0

        /// The most probable token.
        package init() {}
    }

    private let settings: Settings
    private var random: CounterRandom

    /// A sampler; the same seed and stream give the same tokens.
    package init(_ settings: Settings, seed: UInt64, stream: UInt64 = 0) {
        self.settings = settings
        random = CounterRandom(seed: seed, stream: stream)
    }

    /// The next token.
    ///
    /// - Parameter logits: `[V]`, finite.
    package mutating func token(_ logits: [Float]) -> Int32 {
        guard settings.temperature > 0 else { return Self.largest(logits) }
        let candidates = candidates(logits)
        let total = candidates.reduce(0) { $0 + $1.weight }
        var rest = Double(random.next() >> 11) * 0x1p-53 * total
        for candidate in candidates {
            rest -= candidate.weight
            if rest < 0 { return candidate.token }
        }
        return candidates[candidates.count - 1].token
    }

    private static func largest(_ logits: [Float]) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        return Int32(best)
    }

    /// The tokens to choose among with their probabilities up to a common factor, the most probable first.
    private func candidates(_ logits: [Float]) -> [(token: Int32, weight: Double)] {
        let largest = logits.max() ?? 0
        var candidates = logits.enumerated().map { index, logit in
            let weight: Double = exp(Double(logit - largest) / settings.temperature)
            return (token: Int32(index), weight: weight)
        }
        candidates.sort { $0.weight == $1.weight ? $0.token < $1.token : $0.weight > $1.weight }
        if settings.topK > 0 { candidates = Array(candidates.prefix(settings.topK)) }
        guard settings.topP < 1 else { return candidates }
        let enough = settings.topP * candidates.reduce(0) { $0 + $1.weight }
        var (sum, count) = (0.0, 0)
        while sum < enough, count < candidates.count {
            sum += candidates[count].weight
            count += 1
        }
        return Array(candidates.prefix(count))
    }
}
