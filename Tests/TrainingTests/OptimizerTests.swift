internal import Compute
internal import Configuration
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Training
internal import Transformer

struct OptimizerTests {
    /// One layer whose tensors have the shapes of `make_optimizer_goldens.py`.
    private func layout() throws -> ParameterLayout {
        try Places.temporary { directory in
            try AtomicFile.write(to: directory.appending("config.json")) { file in
                try file.append(
                    """
                    {"model_type": "llama", "hidden_act": "silu", "vocab_size": 3, "hidden_size": 4, "head_dim": 2,
                     "intermediate_size": 3, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
                    """
                )
            }
            return try ModelDescription(directory: directory).parameters.trained
        }
    }

    @Test("six steps with warm-up, clipping and decay of matrices only equal torch.optim.AdamW", arguments: [1, 2, 7])
    func trajectory(threads: Int) throws {
        let golden = try OptimizerGolden.load().trajectory
        let layout = try layout()
        let team = ThreadTeam.start(count: threads)
        let (weights, gradient) = (try ParameterBuffer(layout), try ParameterBuffer(layout))
        let (parameters, slope) = (weights.flat, gradient.flat)
        for index in 0..<120 { parameters[0, index] = Float(index * 37 % 101 - 50) / 64 }
        let rule = AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
        let optimizer = try Optimizer(weights, rule: rule, weightDecay: 0.25)
        let schedule = LearningRateSchedule(kind: .linear, peak: 0.05, steps: 6, warmupRatio: 1.0 / 3)
        for (step, size) in [1, 8, 0.25, 4, 0.0625, 2].enumerated() {
            for index in 0..<120 { slope[0, index] = Float((index * 53 + step * 29) % 97 - 48) / 256 * Float(size) }
            let norm = Kernels.sumOfSquares(slope).squareRoot()
            #expect(abs(norm - golden.norms[step]) < 1e-6 * norm)
            optimizer.update(
                gradient: slope,
                learningRate: schedule.rate(step: optimizer.step),
                scale: clippingScale(norm: norm, maximum: 1),
                team: team
            )
            // Weights up to 1, a few units in the last place from each step.
            let difference = zip(parameters.elements(), golden.weights[step]).map { abs($0 - $1) }.max()
            #expect(difference ?? 1 < 4e-7, "step \(step)")
        }
        #expect(layout.count == 120 && golden.weights.count == 6 && optimizer.step == 6)
        #expect(golden.norms.contains { $0 > 1 } && golden.norms.contains { $0 < 1 })
    }

    @Test("parts are updated as in the whole, bit by bit, and nothing else is")
    func parts() throws {
        let layout = try layout()
        let rule = AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
        /// The weights after three steps.
        func trained(_ parts: [Range<Int>]?, threads: Int) throws -> [Float] {
            let (weights, gradient) = (try ParameterBuffer(layout), try ParameterBuffer(layout))
            let (parameters, slope) = (weights.flat, gradient.flat)
            let optimizer = try Optimizer(weights, rule: rule, weightDecay: 0.25, parts: parts)
            var updated: [Int] = []
            for step in 0..<3 {
                for index in 0..<120 { slope[0, index] = Float((index * 53 + step * 29) % 97 - 48) / 256 }
                optimizer.update(
                    gradient: slope,
                    learningRate: 0.05,
                    scale: 0.5,
                    team: ThreadTeam.start(count: threads)
                ) { updated.append($0) }
            }
            #expect(updated == Array(repeating: Array(0..<(parts?.count ?? 1)), count: 3).flatMap(\.self))
            return parameters.elements()
        }
        let whole = try trained(nil, threads: 1)
        let parts = [3..<17, 17..<17, 30..<31, 64..<120]
        let found = try trained(parts, threads: 2)
        for index in 0..<120 {
            let isIn = parts.contains { $0.contains(index) }
            #expect(found[index] == (isIn ? whole[index] : 0), "\(index)")
        }
        #expect(whole.filter { $0 != 0 }.count > 100)
    }

    @Test("without a gradient, decay shrinks matrices and leaves norms unchanged", arguments: [0, 0.5])
    func decay(weightDecay: Double) throws {
        let layout = try layout()
        let (weights, gradient) = (try ParameterBuffer(layout), try ParameterBuffer(layout))
        let parameters = weights.flat
        parameters.fill(2)
        let rule = AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
        let optimizer = try Optimizer(weights, rule: rule, weightDecay: weightDecay)
        optimizer.update(
            gradient: gradient.flat,
            learningRate: 0.5,
            scale: 1,
            team: ThreadTeam.start(count: 3)
        )
        let found = parameters.elements()
        for tensor in layout.tensors {
            let isNorm = tensor.name.hasSuffix("norm.weight")
            let expected: Float = isNorm ? 2 : 2 * (1 - 0.5 * Float(weightDecay))
            #expect(found[tensor.range].allSatisfy { $0 == expected }, "\(tensor.name)")
        }
        #expect(layout.tensors.count { $0.name.hasSuffix("norm.weight") } == 3)
    }

    @Test("weights in 16 bits are the rounded values of masters that follow float32's trajectory", arguments: [1, 3])
    func masters(threads: Int) throws {
        let layout = try layout()
        let rule = AdamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
        let (exact, half) = (try ParameterBuffer(layout), try ParameterBuffer(layout, matrixType: .bfloat16))
        let gradient = try ParameterBuffer(layout)
        // Numbers of bfloat16, since masters start at the weights.
        for index in 0..<120 { exact.flat[0, index] = Float(index * 37 % 101 - 50) / 64 }
        try #require(half.halves).round(exact.flat)
        let parts = [0..<17, 17..<17, 17..<120]
        let optimizers = try [exact, half].map { try Optimizer($0, rule: rule, weightDecay: 0.25, parts: parts) }
        for step in 0..<40 {
            for index in 0..<120 { gradient.flat[0, index] = Float((index * 53 + step * 29) % 97 - 48) / 256 }
            for optimizer in optimizers {
                let team = ThreadTeam.start(count: threads)
                optimizer.update(gradient: gradient.flat, learningRate: 2e-4, scale: 0.5, team: team)
            }
            half.widenVectors()
            let rounded = try HalfBuffer(count: 120, type: .bfloat16)
            rounded.matrix(rows: 1, columns: 120).dither(exact.flat, from: 0)
            #expect(try bits(half) == bits(rounded.matrix(rows: 1, columns: 120)))
            for tensor in layout.tensors where tensor.shape.count == 1 {
                let values = half.elements(of: tensor).elements()
                #expect(try values.map { UInt16($0.bitPattern >> 16) } == Array(bits(half)[tensor.range]))
                #expect(values.allSatisfy { $0.bitPattern & 0xFFFF == 0 })
            }
        }
        // Single updates are below the spacing of bfloat16 for most, and yet the weights have moved.
        let start = (0..<120).map { Float($0 * 37 % 101 - 50) / 64 }
        let moved = try zip(bits(half), start).count { $0 != UInt16($1.bitPattern >> 16) }
        #expect(moved > 30)
    }

    /// The elements of a buffer in 16 bits.
    private func bits(_ buffer: ParameterBuffer) throws -> [UInt16] { bits(try #require(buffer.halves)) }

    private func bits(_ matrix: HalfMatrix) -> [UInt16] {
        matrix.withSpan { span in span.indices.map { span[$0] } }
    }

    @Test(
        "clipping equals clip_grad_norm_, and never increases a gradient",
        arguments: [
            (10, 1, 1 / (10 + 1e-6)), (2, 0.5, 0.5 / (2 + 1e-6)), (0.5, 1, 1), (0, 1, 1), (1, 1, 1 / (1 + 1e-6)),
            (1e30, 0, 1), (.infinity, 1, 0),
        ] as [(Double, Double, Double)]
    )
    func clipping(norm: Double, maximum: Double, expected: Double) {
        #expect(clippingScale(norm: norm, maximum: maximum) == expected)
    }
}
