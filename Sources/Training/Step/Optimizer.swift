package import Compute
package import Configuration
package import Transformer

/// AdamW over the flat buffer, or parts of it, with weight decay of matrices and embeddings only.
package final class Optimizer {
    private let rule: AdamW
    private let weightDecay: Float
    /// Ranges of adjacent tensors with the same decay.
    private let runs: [(range: Range<Int>, decays: Bool)]
    /// The parts that this rank updates, each with the offset of its moments.
    private let parts: [(range: Range<Int>, offset: Int)]
    private let first: FloatBuffer
    private let second: FloatBuffer
    /// The number of updates so far.
    package private(set) var step = 0

    /// The running means of the gradient and of its square, part after part.
    var moments: (first: Matrix, second: Matrix) {
        (first.matrix(rows: 1, columns: first.count), second.matrix(rows: 1, columns: second.count))
    }

    /// An optimizer of the weights of `layout`, before its first step.
    ///
    /// - Parameter parts: The elements to update, of which some may be empty; nil for all as one.
    package init(layout: ParameterLayout, rule: AdamW, weightDecay: Double, parts: [Range<Int>]? = nil) throws {
        self.rule = rule
        self.weightDecay = Float(weightDecay)
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
    }

    /// Updates the parameters once; the gradient is multiplied by `scale`, the result of clipping.
    ///
    /// - Parameter body: Called with the index of each part after its update.
    package func update(
        parameters: Matrix,
        gradient: Matrix,
        learningRate: Double,
        scale: Double,
        team: ThreadTeam,
        afterPart body: (Int) -> Void = { _ in }
    ) {
        step += 1
        let (first, second) = moments
        for (index, part) in parts.enumerated() {
            update(part, parameters, gradient, first, second, learningRate: learningRate, scale: scale, team: team)
            body(index)
        }
    }

    private func update(
        _ part: (range: Range<Int>, offset: Int),
        _ parameters: Matrix,
        _ gradient: Matrix,
        _ first: Matrix,
        _ second: Matrix,
        learningRate: Double,
        scale: Double,
        team: ThreadTeam
    ) {
        team.run("optimizer") { thread in
            let share = team.share(of: part.range.count, thread: thread)
            let own = part.range.lowerBound + share.lowerBound..<part.range.lowerBound + share.upperBound
            for run in runs {
                let range = run.range.clamped(to: own)
                guard !range.isEmpty else { continue }
                let start = range.lowerBound - part.range.lowerBound + part.offset
                rule.update(
                    step: step,
                    learningRate: learningRate,
                    weightDecay: run.decays ? weightDecay : 0,
                    gradientScale: Float(scale),
                    parameters: parameters.columns(range),
                    gradient: gradient.columns(range),
                    first: first.columns(start..<start + range.count),
                    second: second.columns(start..<start + range.count)
                )
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
        layout: ParameterLayout,
        parts: [Range<Int>]
    ) throws {
        let rule = AdamW(
            beta1: Float(configuration.adamBeta1),
            beta2: Float(configuration.adamBeta2),
            epsilon: Float(configuration.adamEpsilon)
        )
        try self.init(layout: layout, rule: rule, weightDecay: configuration.weightDecay, parts: parts)
    }
}

/// The factor that clips a gradient of this norm to `maximum`, as `torch.nn.utils.clip_grad_norm_` computes it.
package func clippingScale(norm: Double, maximum: Double) -> Double {
    maximum > 0 ? min(1, maximum / (norm + 1e-6)) : 1
}
