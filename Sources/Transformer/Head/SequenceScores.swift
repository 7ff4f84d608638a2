package import Preferences

/// The scores of the counted predictions of a packed sequence.
package struct SequenceScores: Sendable {
    /// Log-probability of each label's token, in nats; `[labels]`.
    package internal(set) var logps: [Float]
    /// Entropy of the distribution from which each label's token was predicted, in nats; `[labels]`.
    package internal(set) var entropies: [Float]
    /// Whether each label's token was the most probable one; `[labels]`.
    package internal(set) var isTop1: [Bool]
    /// `log Σ_v p(v)²` of that distribution `p`: the logarithm of a sample's mean probability, in nats; `[labels]`.
    package internal(set) var logSquares: [Float]

    init(labels: Int) {
        logps = Array(repeating: 0, count: labels)
        entropies = Array(repeating: 0, count: labels)
        isTop1 = Array(repeating: false, count: labels)
        logSquares = Array(repeating: 0, count: labels)
    }

    /// The log-probability of each of a response's tokens, in nats.
    package func tokenLogps(of response: PackedSequence.ResponseSlice, in row: PackedSequence) -> [Float] {
        row.responseLabels[response.labels].map { logps[Int($0)] }
    }

    /// The summed entropy before each of a response's tokens, in nats.
    package func entropy(of response: PackedSequence.ResponseSlice, in row: PackedSequence) -> Double {
        row.responseLabels[response.labels].reduce(0) { $0 + Double(entropies[Int($1)]) }
    }

    /// The mean over a response's tokens of `log p(token) - log Σ_v p(v)²`, in nats: their log-probability relative to
    /// that of sampled tokens.
    package func wpoLogWeight(of response: PackedSequence.ResponseSlice, in row: PackedSequence) -> Double {
        let sum = row.responseLabels[response.labels].reduce(0) { sum, label in
            sum + Double(logps[Int(label)]) - Double(logSquares[Int(label)])
        }
        return sum / Double(response.labels.count)
    }

    /// The number of a response's tokens that were the most probable ones.
    package func top1Count(of response: PackedSequence.ResponseSlice, in row: PackedSequence) -> Int {
        row.responseLabels[response.labels].count { isTop1[Int($0)] }
    }
}
