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
        let (count, chunk) = (weights.layout.count, 1 << 20)
        let chunks = (count + chunk - 1) / chunk
        team.run("random weights") { thread in
            for index in team.share(of: chunks, thread: thread) {
                let range = index * chunk..<min((index + 1) * chunk, count)
                fill(weights, range, stream: UInt64(index))
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

    /// Fills a range of the elements in the layout's order, in float32 or rounded.
    private func fill(_ weights: ParameterBuffer, _ range: Range<Int>, stream: UInt64) {
        var random = CounterRandom(seed: seed, stream: stream)
        for tensor in weights.layout.tensors where tensor.range.overlaps(range) {
            let part = tensor.range.clamped(to: range)
            let columns = part.lowerBound - tensor.offset..<part.upperBound - tensor.offset
            switch weights.stored(tensor) {
            case .float32(let matrix): fill(matrix.columns(columns), &random)
            case .half(let matrix): fill(matrix.columns(columns), &random)
            }
        }
    }

    private func fill(_ part: Matrix, _ random: inout CounterRandom) {
        for column in 0..<part.columns { part[0, column] = Self.number(&random) }
    }

    private func fill(_ part: HalfMatrix, _ random: inout CounterRandom) {
        let step = 1 << 12
        var numbers = [Float](repeating: 0, count: step)
        for start in stride(from: 0, to: part.columns, by: step) {
            let range = start..<min(start + step, part.columns)
            for index in 0..<range.count { numbers[index] = Self.number(&random) }
            part.columns(range).withMutableSpan { result in
                _ = part.type.round(numbers.span.extracting(0..<range.count), into: &result)
            }
        }
    }

    /// The sum of four uniform numbers of 16 bits: close to a normal distribution, at one step of the generator each.
    private static func number(_ random: inout CounterRandom) -> Float {
        // The sum has the variance 4/12 of the square of its numbers' range.
        let scale = Float(deviation * 3.0.squareRoot() / 0x1p16)
        let bits = random.next()
        let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + bits >> 48
        return (Float(Int32(truncatingIfNeeded: sum)) - 0x1FFFE) * scale
    }
}
