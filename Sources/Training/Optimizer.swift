package import Compute
package import Transformer

/// AdamW over the flat buffer, with decay for matrices only.
package final class Optimizer {
    private let rule: AdamW
    private let weightDecay: Float
    /// Runs of neighbouring tensors that share their decay.
    private let runs: [(range: Range<Int>, decays: Bool)]
    private var first: FloatBuffer
    private var second: FloatBuffer
    /// Updates made so far.
    package private(set) var step = 0

    /// The running means of the gradient and of its square, in the layout's order.
    var moments: (first: Matrix, second: Matrix) {
        (first.matrix(rows: 1, columns: first.count), second.matrix(rows: 1, columns: second.count))
    }

    /// An optimizer of the weights of `layout`, before its first step.
    package init(layout: ParameterLayout, rule: AdamW, weightDecay: Double) throws {
        self.rule = rule
        self.weightDecay = Float(weightDecay)
        var runs: [(range: Range<Int>, decays: Bool)] = []
        for tensor in layout.tensors {
            if let last = runs.last, last.decays == tensor.decays {
                runs[runs.count - 1].range = last.range.lowerBound..<tensor.range.upperBound
            } else {
                runs.append((tensor.range, tensor.decays))
            }
        }
        self.runs = weightDecay == 0 ? [(0..<layout.count, false)] : runs
        first = try FloatBuffer(count: layout.count)
        second = try FloatBuffer(count: layout.count)
    }

    /// One update; the gradient is multiplied by `scale`, what clipping leaves of it.
    package func update(parameters: Matrix, gradient: Matrix, learningRate: Double, scale: Double, team: ThreadTeam) {
        step += 1
        let (first, second) = moments
        team.run("optimizer") { member in
            let share = team.share(of: parameters.columns, member: member)
            for run in runs {
                let range = run.range.clamped(to: share)
                guard !range.isEmpty else { continue }
                rule.update(
                    step: step,
                    learningRate: learningRate,
                    weightDecay: run.decays ? weightDecay : 0,
                    gradientScale: Float(scale),
                    parameters: parameters.columns(range),
                    gradient: gradient.columns(range),
                    first: first.columns(range),
                    second: second.columns(range)
                )
            }
        }
    }

    /// Goes on as after `step` updates; the moments are filled apart.
    func resume(step: Int) {
        self.step = step
    }
}

extension Optimizer {
    /// An optimizer with the settings of `configuration`, before its first step.
    convenience init(_ configuration: TrainingConfiguration, layout: ParameterLayout) throws {
        let rule = AdamW(
            beta1: Float(configuration.adamBeta1),
            beta2: Float(configuration.adamBeta2),
            epsilon: Float(configuration.adamEpsilon)
        )
        try self.init(layout: layout, rule: rule, weightDecay: configuration.weightDecay)
    }
}

/// What clipping to `maximum` leaves of a gradient of this norm, as `torch.nn.utils.clip_grad_norm_` computes it.
package func clippingScale(norm: Double, maximum: Double) -> Double {
    maximum > 0 ? min(1, maximum / (norm + 1e-6)) : 1
}
