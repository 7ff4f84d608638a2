package import Compute
internal import Preferences

/// Weights of an untrained model: small random matrices, norms that scale by one, biases of zero.
package struct RandomWeights {
    /// The standard deviation of a matrix's elements, as `transformers` initializes Llama models.
    private static let deviation = 0.02

    private let seed: UInt64

    /// The weights of this seed.
    package init(seed: UInt64) { self.seed = seed }

    /// Fills a buffer, in fixed chunks with a stream each, so that the result does not depend on the team.
    package func fill(_ weights: ParameterBuffer, team: ThreadTeam) {
        let (flat, count, chunk) = (weights.flat, weights.layout.count, 1 << 20)
        let chunks = (count + chunk - 1) / chunk
        team.run("random weights") { thread in
            for index in team.share(of: chunks, thread: thread) {
                let range = index * chunk..<min((index + 1) * chunk, count)
                fill(flat.columns(range), stream: UInt64(index))
            }
        }
        for tensor in weights.layout.tensors {
            switch tensor.parameter.kind {
            case .matrix, .embedding, .lowRankInput, .lowRankOutput: break
            case .norm, .magnitude: weights.elements(of: tensor).fill(1)
            case .bias, .normOffset: weights.elements(of: tensor).fill(0)
            }
        }
    }

    /// Sums of four uniform numbers of 16 bits: close to a normal distribution, at one step of the generator each.
    private func fill(_ part: Matrix, stream: UInt64) {
        var random = CounterRandom(seed: seed, stream: stream)
        // The sum has the variance 4/12 of the square of its numbers' range.
        let scale = Float(Self.deviation * 3.0.squareRoot() / 0x1p16)
        for column in 0..<part.columns {
            let bits = random.next()
            let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + bits >> 48
            part[0, column] = (Float(Int32(truncatingIfNeeded: sum)) - 0x1FFFE) * scale
        }
    }
}
