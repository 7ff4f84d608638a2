internal import Compute
internal import Preferences
internal import Transformer

/// Weights as a model has them before it has learned anything: matrices of small random numbers, norms of ones.
struct RandomWeights {
    let seed: UInt64

    /// The standard deviation of a matrix's elements, as `transformers` starts Llama models.
    static let deviation = 0.02

    /// Fills `flat`, `[1, layout.count]`, in fixed chunks with a stream each, so that the team does not matter.
    func fill(_ flat: Matrix, _ layout: ParameterLayout, team: ThreadTeam) {
        let chunk = 1 << 20
        let chunks = (layout.count + chunk - 1) / chunk
        team.run("random weights") { thread in
            for index in team.share(of: chunks, thread: thread) {
                let range = index * chunk..<min((index + 1) * chunk, layout.count)
                fill(flat.columns(range), stream: UInt64(index))
            }
        }
        for tensor in layout.tensors where !tensor.decays { flat.columns(tensor.range).fill(1) }
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
