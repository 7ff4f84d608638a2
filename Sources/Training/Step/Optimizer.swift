package import Compute
package import Configuration
package import Transformer

/// AdamW over a buffer of weights, or parts of it, with weight decay of matrices and embeddings only.
///
/// Weights in bfloat16 are the rounded values of master weights in float32, which it keeps for its parts and updates: an
/// update is mostly smaller than the spacing of 16-bit numbers, and would be lost (Micikevicius et al. 2018). Rounded to
/// nearest, masters that start at numbers of bfloat16 would change no weight until they have moved by half of that spacing,
/// hundreds of updates at usual learning rates: thresholds that differ between elements make the mean follow at once.
package final class Optimizer {
    private let weights: ParameterBuffer
    private let rule: AdamW
    private let weightDecay: Float
    /// Ranges of adjacent tensors with the same decay.
    private let runs: [(range: Range<Int>, decays: Bool)]
    /// The parts that this rank updates, each with the offset of its moments.
    private let parts: [(range: Range<Int>, offset: Int)]
    private let first: FloatBuffer
    private let second: FloatBuffer
    /// Without elements if the weights are float32.
    private let masterBuffer: FloatBuffer
    /// The number of updates so far.
    package private(set) var step = 0

    /// The running means of the gradient and of its square, part after part.
    var moments: (first: Matrix, second: Matrix) {
        (first.matrix(rows: 1, columns: first.count), second.matrix(rows: 1, columns: second.count))
    }

    /// The float32 values of weights in 16 bits, part after part; nil if the weights are float32.
    var masters: Matrix? {
        weights.matrixType == nil ? nil : masterBuffer.matrix(rows: 1, columns: masterBuffer.count)
    }

    /// An optimizer of these weights, before its first step.
    ///
    /// - Parameter parts: The elements to update, of which some may be empty; nil for all as one.
    package init(_ weights: ParameterBuffer, rule: AdamW, weightDecay: Double, parts: [Range<Int>]? = nil) throws {
        self.weights = weights
        self.rule = rule
        self.weightDecay = Float(weightDecay)
        let layout = weights.layout
        var runs: [(range: Range<Int>, decays: Bool)] = []
        for tensor in layout.tensors {
            if let last = runs.last, last.decays == tensor.parameter.kind.decays {
                runs[runs.count - 1].range = last.range.lowerBound..<tensor.range.upperBound
            } else {
                runs.append((tensor.range, tensor.parameter.kind.decays))
            }
        }
        self.runs = weightDecay == 0 ? [(0..<layout.count, false)] : runs
        var offset = 0
        self.parts = (parts ?? [0..<layout.count]).map { range in
            defer { offset += range.count }
            return (range, offset)
        }
        first = try FloatBuffer(count: offset)
        second = try FloatBuffer(count: offset)
        masterBuffer = try FloatBuffer(count: weights.matrixType == nil ? 0 : offset)
        if let halves = weights.halves { setMasters { $1.copy(from: .half(halves.columns($0))) } }
    }

    /// Sets the master weights of each part with `body`, which gets its elements in the layout; none of float32 weights.
    func setMasters(_ body: (_ range: Range<Int>, _ masters: Matrix) -> Void) {
        guard let masters else { return }
        for part in parts { body(part.range, masters.columns(part.offset..<part.offset + part.range.count)) }
    }

    /// Updates the weights once; the gradient is multiplied by `scale`, the result of clipping.
    ///
    /// The vectors of weights in 16 bits follow with `ParameterBuffer.widenVectors`, when all parts are complete.
    ///
    /// - Parameters:
    ///   - gradient: Of all weights, `[1, n]`.
    ///   - body: Called with the index of each part after its update.
    package func update(
        gradient: Matrix,
        learningRate: Double,
        scale: Double,
        team: ThreadTeam,
        afterPart body: (Int) -> Void = { _ in }
    ) {
        step += 1
        for (index, part) in parts.enumerated() {
            update(part, gradient, learningRate: learningRate, scale: scale, team: team)
            body(index)
        }
    }

    private func update(
        _ part: (range: Range<Int>, offset: Int),
        _ gradient: Matrix,
        learningRate: Double,
        scale: Double,
        team: ThreadTeam
    ) {
        let (masters, (first, second)) = (self.masters, moments)
        team.run("optimizer") { thread in
            let share = team.share(of: part.range.count, thread: thread)
            let own = part.range.lowerBound + share.lowerBound..<part.range.lowerBound + share.upperBound
            for run in runs {
                let range = run.range.clamped(to: own)
                guard !range.isEmpty else { continue }
                let start = range.lowerBound - part.range.lowerBound + part.offset
                let place = start..<start + range.count
                let values = masters?.columns(place) ?? weights.flat.columns(range)
                rule.update(
                    step: step,
                    learningRate: learningRate,
                    weightDecay: run.decays ? weightDecay : 0,
                    gradientScale: Float(scale),
                    parameters: values,
                    gradient: gradient.columns(range),
                    first: first.columns(place),
                    second: second.columns(place)
                )
                weights.halves?.columns(range).dither(values, from: range.lowerBound)
            }
        }
    }

    /// Continues after `step` updates; the moments are restored separately.
    func resume(step: Int) {
        self.step = step
    }
}

extension Optimizer {
    /// An optimizer with the settings of `configuration`, before its first step.
    package convenience init(
        _ configuration: TrainingConfiguration,
        _ weights: ParameterBuffer,
        parts: [Range<Int>]
    ) throws {
        let rule = AdamW(
            beta1: Float(configuration.adamBeta1),
            beta2: Float(configuration.adamBeta2),
            epsilon: Float(configuration.adamEpsilon)
        )
        try self.init(weights, rule: rule, weightDecay: configuration.weightDecay, parts: parts)
    }
}

/// The factor that clips a gradient of this norm to `maximum`, as `torch.nn.utils.clip_grad_norm_` computes it.
package func clippingScale(norm: Double, maximum: Double) -> Double {
    maximum > 0 ? min(1, maximum / (norm + 1e-6)) : 1
}
