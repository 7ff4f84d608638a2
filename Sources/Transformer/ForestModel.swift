package import Compute
package import Formats
package import Preferences

/// A Llama model that reads packed rows of token trees: scores them, and computes gradients by hand-written backward
/// passes.
package final class ForestModel {
    /// Seconds spent since the last reset.
    package struct Times: Sendable {
        /// Nothing spent yet.
        package init() {}

        /// Embedding and layers, forward.
        package var forward = 0.0
        /// Embedding and layers, backward.
        package var backward = 0.0
        /// The vocabulary head, both ways.
        package var head = 0.0

        /// All of it.
        package var total: Double { forward + backward + head }
    }

    package let configuration: ModelConfiguration
    /// Where the time went; the caller resets it.
    package var times = Times()

    private let team: ThreadTeam
    private let layer: ForestLayer
    private let head: VocabularyHead
    private let rotary: RotaryTable
    private let workspace: Workspace

    /// Buffers for a model of this architecture and for rows within `capacity`.
    ///
    /// - Parameters:
    ///   - positions: One more than the largest position that a row may hold.
    ///   - capacity: The largest row, and whether gradients are wanted.
    package init(
        _ configuration: ModelConfiguration,
        positions: Int,
        capacity: Workspace.Capacity,
        team: ThreadTeam
    ) throws {
        self.configuration = configuration
        self.team = team
        layer = ForestLayer(configuration, team: team)
        head = VocabularyHead(configuration, team: team)
        rotary = try RotaryTable(
            count: positions,
            headDimension: configuration.headDimension,
            theta: configuration.ropeTheta
        )
        workspace = try Workspace(configuration, capacity: capacity, threads: team.count)
    }

    /// Makes the system give all memory that rows will use, which it otherwise does when a row first needs it.
    package func touchMemory() {
        workspace.fill(0, team: team)
    }

    /// Scores every counted prediction of a row.
    package func score(_ row: PackedRow, weights: ParameterViews) -> RowScores {
        let passes = passes(over: row)
        measure(\.forward) { forward(row, passes, weights, keeping: false) }
        return measure(\.head) {
            let hidden = workspace.hidden.rows(0..<row.lossRows.count)
            return head.score(row, hidden: hidden, weights: weights, buffers: workspace.head)
        }
    }

    /// Scores a row and adds the gradients of its loss.
    ///
    /// - Parameters:
    ///   - gradients: Added to, so that several rows make one step.
    ///   - completed: Called on the way with the number of layers whose gradients are still to come, and the embedding's
    ///     after them: those of all others are complete for this row.
    ///   - lossGradient: The loss's derivatives, asked tree by tree as soon as a tree's scores are known.
    package func accumulateGradients(
        _ row: PackedRow,
        weights: ParameterViews,
        gradients: ParameterViews,
        completed: (_ layersLeft: Int) -> Void = { _ in },
        lossGradient: LossGradient
    ) -> RowScores {
        guard let backward = workspace.backward else { preconditionFailure("the model's capacity trains") }
        let passes = passes(over: row)
        measure(\.forward) { forward(row, passes, weights, keeping: true) }
        let scores = measure(\.head) {
            let count = row.lossRows.count
            return head.scoreAndBackward(
                row,
                hidden: workspace.hidden.rows(0..<count),
                weights: weights,
                gradients: gradients,
                buffers: workspace.head,
                dhidden: backward.stream.rows(0..<count),
                lossGradient: lossGradient
            )
        }
        measure(\.backward) { self.backward(row, passes, weights, gradients, backward, completed) }
        return scores
    }

    /// The passes over a row: all layers but the last, and the last.
    private typealias Passes = (body: ForestLayer.Pass, last: ForestLayer.Pass)

    private func passes(over row: PackedRow) -> Passes {
        precondition(row.tokens.count <= workspace.capacity.tokens, "a row within capacity")
        func pass(_ outputs: [Int32]?) -> ForestLayer.Pass {
            let plan = AttentionPlan(
                row: row,
                queries: outputs,
                groups: configuration.keyValueHeadCount,
                threads: team.count,
                blockSize: layer.attention.blockSize
            )
            return ForestLayer.Pass(positions: row.positions, plan: plan, outputs: outputs)
        }
        return (pass(nil), pass(row.lossRows))
    }

    private func forward(_ row: PackedRow, _ passes: Passes, _ weights: ParameterViews, keeping: Bool) {
        embed(row, weights, into: workspace.input(0, keeping: keeping).rows(0..<row.tokens.count))
        for index in weights.layers.indices {
            let pass = pass(index, passes)
            let isLast = index == weights.layers.count - 1
            let output = isLast ? workspace.hidden : workspace.input(index + 1, keeping: keeping)
            forward(index, pass, weights, keeping: keeping, output: output.rows(0..<pass.outputCount))
        }
    }

    /// - Parameter output: Nil where only the layer's activations are wanted again.
    private func forward(
        _ index: Int,
        _ pass: ForestLayer.Pass,
        _ weights: ParameterViews,
        keeping: Bool,
        output: Matrix?
    ) {
        layer.forward(
            pass,
            weights: weights.layers[index],
            rotary: rotary,
            input: workspace.input(index, keeping: keeping).rows(0..<pass.tokens),
            layer: workspace.layer(index, keeping: keeping).sized(tokens: pass.tokens, outputs: pass.outputCount),
            workspace: workspace,
            output: output
        )
    }

    private func backward(
        _ row: PackedRow,
        _ passes: Passes,
        _ weights: ParameterViews,
        _ gradients: ParameterViews,
        _ buffers: Workspace.Backward,
        _ completed: (_ layersLeft: Int) -> Void
    ) {
        completed(weights.layers.count)
        for index in weights.layers.indices.reversed() {
            let pass = pass(index, passes)
            // The last layer's activations are still there.
            if workspace.capacity.recomputes, index < weights.layers.count - 1 {
                forward(index, pass, weights, keeping: true, output: nil)
            }
            layer.backward(
                pass,
                weights: weights.layers[index],
                gradients: gradients.layers[index],
                rotary: rotary,
                input: workspace.input(index, keeping: true).rows(0..<pass.tokens),
                layer: workspace.layer(index, keeping: true).sized(tokens: pass.tokens, outputs: pass.outputCount),
                workspace: workspace
            )
            completed(index)
        }
        // By columns, so that tokens that occur twice are added in the same order by whichever thread.
        team.run("embedding backward") { thread in
            let share = team.share(of: configuration.hiddenSize, thread: thread)
            gradients.embedding.columns(share).scatterAdd(
                buffers.stream.rows(0..<row.tokens.count).columns(share),
                rows: row.tokens[...]
            )
        }
    }

    private func embed(_ row: PackedRow, _ weights: ParameterViews, into input: Matrix) {
        team.forEachBlock("embedding", of: row.tokens.count, blockSize: Workspace.blockSize) { block, _ in
            input.rows(block).gather(weights.embedding, rows: row.tokens[block])
        }
    }

    private func pass(_ index: Int, _ passes: Passes) -> ForestLayer.Pass {
        index == configuration.layerCount - 1 ? passes.last : passes.body
    }

    private func measure<R>(_ phase: WritableKeyPath<Times, Double>, _ body: () -> R) -> R {
        let clock = ContinuousClock()
        let start = clock.now
        defer { times[keyPath: phase] += (clock.now - start) / .seconds(1) }
        return body()
    }
}
