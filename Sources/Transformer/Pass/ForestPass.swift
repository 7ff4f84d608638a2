package import Compute
package import Preferences

/// The model of token log-probabilities, as trained by preference tuning.
package typealias ForestModel = ForestPass<VocabularyHead>

/// A model that continues tokens.
package typealias GenerationModel = ForestPass<NextTokenHead>

/// The forward and backward passes of a model over packed sequences of token trees: embedding, layers, final norm, and
/// a head that scores the results.
package final class ForestPass<H: Head> {
    package let architecture: Architecture
    /// Accumulated times; the caller resets them.
    package var times = PassTimes()

    private let team: ThreadTeam
    private let head: H
    private let rotary: Rotary
    private let localRotary: Rotary?
    private let workspace: Workspace

    /// Buffers for a model of this architecture and for packed sequences within `capacity`.
    ///
    /// - Parameters:
    ///   - positions: One more than the largest position in a packed sequence.
    ///   - capacity: The largest packed sequence, and whether gradients are computed.
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(
        _ architecture: Architecture,
        positions: Int,
        capacity: Workspace.Capacity,
        team: ThreadTeam
    ) throws {
        self.architecture = architecture
        self.team = team
        head = try H(architecture, capacity: capacity, team: team)
        let headWidth = architecture.attention.headWidth
        rotary = try Rotary(architecture.rotary, headWidth: headWidth, count: positions)
        localRotary = try architecture.localRotary.map { try Rotary($0, headWidth: headWidth, count: positions) }
        workspace = try Workspace(architecture, capacity: capacity, threads: team.count)
    }

    /// The bytes that all buffers for packed sequences within `capacity` take once each has been used.
    package static func byteCount(_ architecture: Architecture, capacity: Workspace.Capacity, threads: Int) -> Int {
        Workspace.byteCount(architecture, capacity: capacity, threads: threads)
            + H.byteCount(architecture, capacity: capacity, threads: threads)
    }

    /// Touches all buffers, so that the system provides their memory now and not when a packed sequence first needs it.
    package func touchMemory() {
        workspace.fill(0, team: team)
        head.touchMemory()
    }

    /// Scores every counted prediction of a packed sequence.
    ///
    /// - Parameter kept: The tokens that all roots of `row` continue, as of earlier calls, to which the row, a chain then, is
    ///   appended. The scores have the bits of a pass over all of these tokens together.
    package func score(
        _ row: PackedSequence,
        continuing kept: KeptKeys? = nil,
        parameters: ModelParameters
    ) -> H.Scores {
        let passes = passes(over: row, kept: kept?.count ?? 0)
        measure(\.forward) {
            updateGains(parameters)
            forward(row, passes, parameters, keeping: false, appending: kept)
        }
        kept?.append(row.tokens.count)
        return measure(\.head) {
            head.score(row, hidden: normalize(row.predictionPositions.count, parameters), parameters: parameters)
        }
    }

    private func updateGains(_ parameters: ModelParameters) {
        parameters.updateGains(team: team, scratch: workspace.blocks.map(\.weights))
    }

    private func measure<R>(_ phase: WritableKeyPath<PassTimes, Double>, _ body: () -> R) -> R {
        let clock = ContinuousClock()
        let start = clock.now
        defer { times[keyPath: phase] += (clock.now - start) / .seconds(1) }
        return body()
    }
}

// MARK: Training

extension ForestPass where H: TrainedHead {
    /// Scores a packed sequence and adds the gradients of its loss.
    ///
    /// - Parameters:
    ///   - parameters: With gradients, which are accumulated over the packed sequences of a step.
    ///   - layersLeft: Called during the backward pass with the number of layers whose gradients are incomplete, in
    ///     addition to the embedding's: those of all others are complete for this packed sequence.
    ///   - lossGradient: The derivatives of the loss, requested as soon as the scores of some examples are known.
    package func accumulateGradients(
        _ row: PackedSequence,
        parameters: ModelParameters,
        layersLeft: (Int) -> Void = { _ in },
        lossGradient: LossGradient<H.Scores>
    ) -> H.Scores {
        precondition(workspace.capacity.trains, "the model's capacity includes gradients")
        let passes = passes(over: row)
        measure(\.forward) {
            updateGains(parameters)
            forward(row, passes, parameters, keeping: true)
        }
        let scores = measure(\.head) {
            let count = row.predictionPositions.count
            let scores = head.scoreAndBackward(
                row,
                hidden: normalize(count, parameters),
                parameters: parameters,
                dhidden: workspace.gradients.finalNormed.rows(0..<count),
                lossGradient: lossGradient
            )
            normalizeBackward(count, parameters)
            return scores
        }
        measure(\.backward) { backward(row, passes, parameters, layersLeft) }
        return scores
    }
}

// MARK: Layers

extension ForestPass {
    private func passes(over row: PackedSequence, kept: Int = 0) -> RowPasses {
        precondition(row.tokens.count <= workspace.capacity.tokens, "a row within capacity")
        precondition(kept == 0 || row.positions.first == Int32(kept), "positions after those of the kept tokens")
        return RowPasses(row, architecture, attention: workspace.attention, threads: team.count, kept: kept)
    }

    private func context(
        _ index: Int,
        _ passes: RowPasses,
        keeping: Bool,
        appending kept: KeptKeys? = nil
    ) -> LayerContext {
        LayerContext(
            index,
            passes.pass(layer: index),
            keeping: keeping,
            kept: kept?.layer(index),
            rotary: rotary(ofLayer: index),
            workspace: workspace,
            team: team
        )
    }

    private func rotary(ofLayer index: Int) -> Rotary? {
        switch architecture.kind(ofLayer: index).positions {
        case .global: return rotary
        case .local: return localRotary
        case .none: return nil
        }
    }

    private func forward(
        _ row: PackedSequence,
        _ passes: RowPasses,
        _ parameters: ModelParameters,
        keeping: Bool,
        appending kept: KeptKeys? = nil
    ) {
        embed(row, parameters, into: workspace.input(0, keeping: keeping).rows(0..<row.tokens.count))
        for (index, layer) in parameters.layers.enumerated() {
            let context = context(index, passes, keeping: keeping, appending: kept)
            let isLast = index == parameters.layers.count - 1
            let output = isLast ? workspace.hidden : workspace.input(index + 1, keeping: keeping)
            layer.forward(context, output: output.rows(0..<context.pass.outputCount))
        }
    }

    private func embed(_ row: PackedSequence, _ parameters: ModelParameters, into input: Matrix) {
        team.forEachBlock("embedding", of: row.tokens.count, blockSize: Workspace.blockSize) { block, _ in
            parameters.embedding.forward(row.tokens[block], into: input.rows(block))
            if let scale = architecture.embeddingScale { input.rows(block).scale(by: scale) }
        }
    }

    private func backward(
        _ row: PackedSequence,
        _ passes: RowPasses,
        _ parameters: ModelParameters,
        _ layersLeft: (Int) -> Void
    ) {
        layersLeft(parameters.layers.count)
        // Below the first trained parameter there is nothing to compute.
        let lowest = parameters.embedding.gradient != nil ? 0 : parameters.lowestTrainedLayer ?? parameters.layers.count
        for (index, layer) in parameters.layers.enumerated().reversed() where index >= lowest {
            let context = context(index, passes, keeping: true)
            // The activations of the last layer still exist.
            if workspace.capacity.recomputes, index < parameters.layers.count - 1 {
                layer.forward(context, output: nil)
            }
            layer.backward(context, isLowest: index == lowest && parameters.embedding.gradient == nil)
            layersLeft(index)
        }
        if lowest > 0 { layersLeft(0) }
        guard parameters.embedding.gradient != nil else { return }
        let dinput = workspace.gradients.stream.rows(0..<row.tokens.count)
        if let scale = architecture.embeddingScale { dinput.scale(by: scale) }
        parameters.embedding.backward(row.tokens[...], dy: dinput, team: team)
    }
}

// MARK: Final norm

extension ForestPass {
    /// The normalized hidden states of the first `count` prediction positions, `[count, D]`.
    ///
    /// The factor of the logits is theirs, since the projection is linear.
    private func normalize(_ count: Int, _ parameters: ModelParameters) -> Matrix {
        team.forEachBlock("final norm", of: count, blockSize: Workspace.blockSize) { block, _ in
            let normed = workspace.finalNormed.rows(block)
            parameters.finalNorm.forward(workspace.hidden.rows(block), into: normed)
            if let scale = architecture.logitScale { normed.scale(by: scale) }
        }
        return workspace.finalNormed.rows(0..<count)
    }

    /// Computes the gradient of the last layer's output, in `stream`, from that of the normalized states.
    private func normalizeBackward(_ count: Int, _ parameters: ModelParameters) {
        let buffers = workspace.gradients
        let dhidden = buffers.stream.rows(0..<count)
        // No residual bypasses the final norm.
        dhidden.fill(0)
        let norms = buffers.norms.attention
        norms.fill(0)
        team.forEachBlock("final norm backward", of: count, blockSize: Workspace.blockSize) { block, thread in
            let dnormed = buffers.finalNormed.rows(block)
            if let scale = architecture.logitScale { dnormed.scale(by: scale) }
            parameters.finalNorm.backward(
                workspace.hidden.rows(block),
                dy: dnormed,
                residual: dhidden.rows(block),
                into: dhidden.rows(block),
                dparameters: norms.rows(thread..<thread + 1)
            )
        }
        parameters.finalNorm.addGradient(norms)
    }
}
