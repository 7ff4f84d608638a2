package import Preferences

/// What the head found for the counted predictions of a packed row.
package struct RowScores: Sendable {
    /// Log-probability of each target's token, in nats; `[targets]`.
    package internal(set) var logps: [Float]
    /// Entropy of the distribution from which each target's token was predicted, in nats; `[targets]`.
    package internal(set) var entropies: [Float]
    /// Whether each target's token was the most probable one; `[targets]`.
    package internal(set) var isTop1: [Bool]
    /// `log Σ_v p(v)²` of that distribution `p`: the logarithm of a drawn token's mean probability, in nats; `[targets]`.
    package internal(set) var logSquares: [Float]

    init(targets: Int) {
        logps = Array(repeating: 0, count: targets)
        entropies = Array(repeating: 0, count: targets)
        isTop1 = Array(repeating: false, count: targets)
        logSquares = Array(repeating: 0, count: targets)
    }

    /// The log-probability of each of a response's tokens, in nats.
    package func tokenLogps(of response: PackedRow.ResponseSlice, in row: PackedRow) -> [Float] {
        row.responseTargets[response.targets].map { logps[Int($0)] }
    }

    /// The summed entropy before each of a response's tokens, in nats.
    package func entropy(of response: PackedRow.ResponseSlice, in row: PackedRow) -> Double {
        row.responseTargets[response.targets].reduce(0) { $0 + Double(entropies[Int($1)]) }
    }

    /// The mean over a response's tokens of `log p(token) - log Σ_v p(v)²`, in nats: how likely they are in relation to
    /// what the model would say itself.
    package func wpoLogWeight(of response: PackedRow.ResponseSlice, in row: PackedRow) -> Double {
        let sum = row.responseTargets[response.targets].reduce(0) { sum, target in
            sum + Double(logps[Int(target)]) - Double(logSquares[Int(target)])
        }
        return sum / Double(response.targets.count)
    }

    /// How many of a response's tokens were the most probable ones.
    package func top1Count(of response: PackedRow.ResponseSlice, in row: PackedRow) -> Int {
        row.responseTargets[response.targets].count { isTop1[Int($0)] }
    }
}
