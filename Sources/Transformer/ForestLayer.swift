internal import Compute
internal import Formats
internal import Preferences

/// One Llama layer over a packed row: `x + attention(norm(x))`, then `+ feedForward(norm(·))`.
///
/// In the last layer attention and what follows run only for the rows that the head reads: other tokens are there as
/// keys and values alone.
struct ForestLayer {
    /// The row and what of it this layer computes.
    struct Pass {
        let positions: [Int32]
        let plan: AttentionPlan
        /// In the last layer the row indices that the head reads; nil in the others.
        let outputs: [Int32]?

        var tokens: Int { positions.count }
        var outputCount: Int { outputs?.count ?? positions.count }
    }

    let model: ModelConfiguration
    let attention: ForestAttention
    let team: ThreadTeam

    init(_ model: ModelConfiguration, team: ThreadTeam) {
        self.model = model
        self.team = team
        attention = ForestAttention(model)
    }

    private var queryWidth: Int { attention.heads * attention.width }

    // MARK: Forward

    /// - Parameters:
    ///   - input: `[T, D]`, the residual stream before the layer.
    ///   - output: `[outputs, D]`, the residual stream after the layer; nil where only what the backward pass needs is
    ///     wanted, which saves the last product.
    func forward(
        _ pass: Pass,
        weights: ParameterViews.Layer,
        rotary: borrowing RotaryTable,
        input: Matrix,
        layer: Workspace.Layer,
        workspace: borrowing Workspace,
        output: Matrix?
    ) {
        projectQueryKeyValue(pass, weights, rotary, input, layer, workspace.blocks)
        team.run("attention") { thread in
            let scratch = workspace.blocks[thread].attention
            attention.forward(layer.attention, tasks: pass.plan.tasks[thread], scratch: scratch)
        }
        feedForward(pass, weights, input, layer, workspace, output)
    }

    private func projectQueryKeyValue(
        _ pass: Pass,
        _ weights: ParameterViews.Layer,
        _ rotary: borrowing RotaryTable,
        _ input: Matrix,
        _ layer: Workspace.Layer,
        _ scratch: [Workspace.Block]
    ) {
        team.forEachBlock("query, key, value", of: pass.tokens, blockSize: Workspace.blockSize) { block, thread in
            let normed = scratch[thread].narrow.rows(0..<block.count)
            let projected = scratch[thread].wide
                .reshaped(rows: block.count, columns: model.queryKeyValueWidth)
            Kernels.normalize(
                input.rows(block),
                weight: weights.inputNorm,
                epsilon: model.normEpsilon,
                into: normed
            )
            multiply(normed, weights.queryKeyValue.transposed, into: projected)
            let positions = pass.positions[block]
            forEachHead(projected, block, layer.attention.query, layer.attention.key, layer.attention.value) {
                rotary.rotate($0.query, positions: positions, into: $1.query)
                rotary.rotate($0.key, positions: positions, into: $1.key)
                $1.value.copy(from: $0.value)
            }
        }
    }

    private func feedForward(
        _ pass: Pass,
        _ weights: ParameterViews.Layer,
        _ input: Matrix,
        _ layer: Workspace.Layer,
        _ workspace: borrowing Workspace,
        _ output: Matrix?
    ) {
        let attended = attentionOutput(pass, layer, workspace)
        let scratch = workspace.blocks
        team.forEachBlock("feed-forward", of: pass.outputCount, blockSize: Workspace.blockSize) { block, thread in
            let middle = layer.middle.rows(block)
            let normed = scratch[thread].narrow.rows(0..<block.count)
            let inner = scratch[thread].wide.reshaped(rows: block.count, columns: model.intermediateSize)
            if let outputs = pass.outputs {
                attended.rows(block).gather(layer.attention.output, rows: outputs[block])
                middle.gather(input, rows: outputs[block])
            } else {
                middle.copy(from: input.rows(block))
            }
            multiply(attended.rows(block), weights.output.transposed, into: middle, accumulate: true)
            Kernels.normalize(middle, weight: weights.postAttentionNorm, epsilon: model.normEpsilon, into: normed)
            multiply(normed, weights.gateUp.transposed, into: layer.gateUp.rows(block))
            guard let output = output?.rows(block) else { return }
            Kernels.swiglu(layer.gateUp.rows(block), into: inner)
            output.copy(from: middle)
            multiply(inner, weights.down.transposed, into: output, accumulate: true)
        }
    }

    /// The attention output of the rows that leave the layer.
    private func attentionOutput(_ pass: Pass, _ layer: Workspace.Layer, _ workspace: borrowing Workspace) -> Matrix {
        pass.outputs == nil ? layer.attention.output : workspace.compactAttention.rows(0..<pass.outputCount)
    }

    // MARK: Backward

    /// Turns the gradient of the layer's output, in the first rows of `workspace.backward.stream`, into that of its
    /// input, and adds the gradients of its weights.
    func backward(
        _ pass: Pass,
        weights: ParameterViews.Layer,
        gradients: ParameterViews.Layer,
        rotary: borrowing RotaryTable,
        input: Matrix,
        layer: Workspace.Layer,
        workspace: borrowing Workspace
    ) {
        guard let buffers = workspace.backward else { preconditionFailure("a workspace that trains") }
        feedForwardBackward(pass, weights, gradients, layer, buffers, workspace)
        attentionBackward(pass, layer, buffers, workspace.blocks)
        projectionBackward(pass, weights, gradients, rotary, input, buffers, workspace.blocks)
    }

    private func feedForwardBackward(
        _ pass: Pass,
        _ weights: ParameterViews.Layer,
        _ gradients: ParameterViews.Layer,
        _ layer: Workspace.Layer,
        _ buffers: Workspace.Backward,
        _ workspace: borrowing Workspace
    ) {
        let count = pass.outputCount
        let attended = attentionOutput(pass, layer, workspace)
        let scratch = workspace.blocks
        buffers.norms.fill(0)
        if pass.outputs != nil {
            buffers.attentionOutput.rows(0..<pass.tokens).fill(0)
        }
        // The compact gradient of attention's output is scattered to its rows at once; the buffer for query, key and
        // value is free until then.
        let compact = buffers.queryKeyValue.reshaped(rows: count, columns: model.queryWidth)
        let dattended = pass.outputs == nil ? buffers.attentionOutput.rows(0..<count) : compact
        team.forEachBlock("feed-forward backward", of: count, blockSize: Workspace.blockSize) { block, thread in
            let doutput = buffers.stream.rows(block)
            let middle = layer.middle.rows(block)
            let dnormed = scratch[thread].narrow.rows(0..<block.count)
            let dinner = scratch[thread].wide.reshaped(rows: block.count, columns: model.intermediateSize)
            let gateUp = layer.gateUp.rows(block)
            Kernels.swiglu(gateUp, into: buffers.inner.rows(block))
            multiply(doutput, weights.down, into: dinner)
            Kernels.swigluBackward(gateUp, dout: dinner)
            multiply(gateUp, weights.gateUp, into: dnormed)
            let weight = weights.postAttentionNorm
            Kernels.normalize(middle, weight: weight, epsilon: model.normEpsilon, into: buffers.normed.rows(block))
            Kernels.normalizeBackward(
                middle,
                weight: weight,
                epsilon: model.normEpsilon,
                dy: dnormed,
                residual: doutput,
                into: buffers.middle.rows(block),
                dweight: buffers.norms.rows(thread..<thread + 1)
            )
            multiply(buffers.middle.rows(block), weights.output, into: dattended.rows(block))
        }
        func rows(_ matrix: Matrix) -> Matrix { matrix.rows(0..<count) }
        WeightProduct.add(
            [
                WeightProduct(gradient: gradients.gateUp, dy: layer.gateUp, x: rows(buffers.normed)),
                WeightProduct(gradient: gradients.down, dy: rows(buffers.stream), x: rows(buffers.inner)),
                WeightProduct(gradient: gradients.output, dy: rows(buffers.middle), x: rows(attended)),
            ],
            team: team
        )
        addNormGradient(gradients.postAttentionNorm, buffers.norms)
        if let outputs = pass.outputs {
            // From here on every token has a row again: those that the head does not read have no gradient yet.
            buffers.attentionOutput.rows(0..<pass.tokens).scatter(compact, rows: outputs[...])
            let stream = buffers.stream.rows(0..<pass.tokens)
            stream.rows(0..<count).copy(from: buffers.middle.rows(0..<count))
            buffers.middle.rows(0..<pass.tokens).fill(0)
            buffers.middle.rows(0..<pass.tokens).scatter(stream.rows(0..<count), rows: outputs[...])
        }
    }

    private func attentionBackward(
        _ pass: Pass,
        _ layer: Workspace.Layer,
        _ buffers: Workspace.Backward,
        _ scratch: [Workspace.Block]
    ) {
        let gradients = sized(buffers.attention, tokens: pass.tokens)
        // The last layer has tasks for a part of the queries only.
        if pass.outputs != nil { gradients.query.fill(0) }
        team.run("attention backward") { thread in
            gradients.key[thread].fill(0)
            gradients.value[thread].fill(0)
            attention.backward(
                layer.attention,
                doutput: buffers.attentionOutput.rows(0..<pass.tokens),
                into: gradients,
                thread: thread,
                tasks: pass.plan.tasks[thread],
                scratch: scratch[thread].attention
            )
        }
    }

    private func projectionBackward(
        _ pass: Pass,
        _ weights: ParameterViews.Layer,
        _ gradients: ParameterViews.Layer,
        _ rotary: borrowing RotaryTable,
        _ input: Matrix,
        _ buffers: Workspace.Backward,
        _ scratch: [Workspace.Block]
    ) {
        let heads = sized(buffers.attention, tokens: pass.tokens)
        buffers.norms.fill(0)
        let backward = "query, key, value backward"
        team.forEachBlock(backward, of: pass.tokens, blockSize: Workspace.blockSize) { block, thread in
            let dprojected = buffers.queryKeyValue.rows(block)
            let positions = pass.positions[block]
            for other in 1..<max(heads.key.count, 1) {
                forEachGroup(block, tokens: pass.tokens) { rows in
                    heads.key[0].rows(rows).add(heads.key[other].rows(rows))
                    heads.value[0].rows(rows).add(heads.value[other].rows(rows))
                }
            }
            forEachHead(dprojected, block, heads.query, heads.key[0], heads.value[0]) {
                rotary.rotate($1.query, positions: positions, inverse: true, into: $0.query)
                rotary.rotate($1.key, positions: positions, inverse: true, into: $0.key)
                $0.value.copy(from: $1.value)
            }
            let input = input.rows(block)
            let dnormed = scratch[thread].narrow.rows(0..<block.count)
            multiply(dprojected, weights.queryKeyValue, into: dnormed)
            let weight = weights.inputNorm
            Kernels.normalize(input, weight: weight, epsilon: model.normEpsilon, into: buffers.normed.rows(block))
            Kernels.normalizeBackward(
                input,
                weight: weight,
                epsilon: model.normEpsilon,
                dy: dnormed,
                residual: buffers.middle.rows(block),
                into: buffers.stream.rows(block),
                dweight: buffers.norms.rows(thread..<thread + 1)
            )
        }
        let tokens = 0..<pass.tokens
        let product = WeightProduct(
            gradient: gradients.queryKeyValue,
            dy: buffers.queryKeyValue.rows(tokens),
            x: buffers.normed.rows(tokens)
        )
        WeightProduct.add([product], team: team)
        addNormGradient(gradients.inputNorm, buffers.norms)
    }

    // MARK: Shared

    private func addNormGradient(_ gradient: Matrix, _ partial: Matrix) {
        for thread in 0..<partial.rows { gradient.add(partial.rows(thread..<thread + 1)) }
    }

    private typealias Heads = (query: Matrix, key: Matrix, value: Matrix)

    /// Visits, group by group, the columns of a token-major `[block, (H + 2G) K]` and the head-major rows that match.
    private func forEachHead(
        _ projected: Matrix,
        _ block: Range<Int>,
        _ query: Matrix,
        _ key: Matrix,
        _ value: Matrix,
        _ body: (_ tokenMajor: Heads, _ headMajor: Heads) -> Void
    ) {
        let (groups, width) = (attention.groups, attention.width)
        let keys = groups * queryWidth
        let tokens = query.rows / groups
        for group in 0..<groups {
            let keyColumns = keys + group * width..<keys + (group + 1) * width
            let valueColumns = keyColumns.lowerBound + groups * width..<keyColumns.upperBound + groups * width
            let rows = group * tokens + block.lowerBound..<group * tokens + block.upperBound
            body(
                (
                    projected.columns(group * queryWidth..<(group + 1) * queryWidth),
                    projected.columns(keyColumns),
                    projected.columns(valueColumns)
                ),
                (query.rows(rows), key.rows(rows), value.rows(rows))
            )
        }
    }

    private func forEachGroup(_ block: Range<Int>, tokens: Int, _ body: (Range<Int>) -> Void) {
        for group in 0..<attention.groups {
            body(group * tokens + block.lowerBound..<group * tokens + block.upperBound)
        }
    }

    private func sized(_ gradients: ForestAttention.Gradients, tokens: Int) -> ForestAttention.Gradients {
        let rows = attention.groups * tokens
        return ForestAttention.Gradients(
            query: gradients.query.reshaped(rows: rows, columns: queryWidth),
            key: gradients.key.map { $0.reshaped(rows: rows, columns: attention.width) },
            value: gradients.value.map { $0.reshaped(rows: rows, columns: attention.width) }
        )
    }
}
