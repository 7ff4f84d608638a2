internal import Compute

/// One layer over a packed sequence: `h = x + attention(norm(x))`, then `h + feedForward(norm(h))`.
///
/// In the last layer, everything after attention runs only for the tokens that the head reads: the others serve as keys
/// and values only.
struct Layer: Sendable {
    let attentionNorm: Norm
    let attention: Attention
    let feedForwardNorm: Norm
    let feedForward: FeedForward

    init(_ model: Architecture, _ source: ParameterSource, index: Int) {
        attentionNorm = Norm(model.norm, source, .layer(index, .attentionNorm))
        attention = Attention(model.attention, source, layer: index)
        feedForwardNorm = Norm(model.norm, source, .layer(index, .feedForwardNorm))
        feedForward = FeedForward(source, layer: index)
    }

    /// The tensors of a layer, in the order in which the backward pass completes their gradients.
    static func declarations(of model: Architecture) -> [(LayerModule, ParameterDeclaration)] {
        let norm = model.norm.declaration(width: model.width)
        return model.feedForward.declarations(outer: model.width) + [(.feedForwardNorm, norm)]
            + model.attention.declarations(outer: model.width) + [(.attentionNorm, norm)]
    }

    // MARK: Forward

    /// - Parameter output: `[outputs, D]`, the residual stream after the layer, overwritten; nil to compute only the
    ///   activations for the backward pass, which saves the last product.
    func forward(_ context: LayerContext, output: Matrix?) {
        let scratch = context.workspace.blocks
        context.forEachBlock("query, key, value", of: context.pass.tokens) { block, thread in
            let normed = scratch[thread].narrow.rows(0..<block.count)
            attentionNorm.forward(context.input.rows(block), into: normed)
            let projected = scratch[thread].wide
                .reshaped(rows: block.count, columns: attention.queryKeyValue.weight.rows)
            attention.project(normed, block: block, projected: projected, context)
        }
        attention.attend(context)
        context.forEachBlock("feed-forward", of: context.pass.outputCount) { block, thread in
            addAttention(block, context)
            addFeedForward(block, scratch[thread], context, output?.rows(block))
        }
    }

    /// Computes the residual stream between attention and feed-forward.
    private func addAttention(_ block: Range<Int>, _ context: LayerContext) {
        let (attended, middle) = (context.attended.rows(block), context.activations.middle.rows(block))
        if let outputs = context.pass.outputs {
            attended.gather(context.activations.attention.output, rows: outputs[block])
            middle.gather(context.input, rows: outputs[block])
        } else {
            middle.copy(from: context.input.rows(block))
        }
        attention.output.forward(attended, into: middle, accumulate: true)
    }

    private func addFeedForward(
        _ block: Range<Int>,
        _ scratch: Workspace.Block,
        _ context: LayerContext,
        _ output: Matrix?
    ) {
        let middle = context.activations.middle.rows(block)
        let gateUp = context.activations.gateUp.rows(block)
        let normed = scratch.narrow.rows(0..<block.count)
        feedForwardNorm.forward(middle, into: normed)
        feedForward.project(normed, gateUp: gateUp)
        guard let output else { return }
        output.copy(from: middle)
        let inner = scratch.wide.reshaped(rows: block.count, columns: feedForward.down.weight.columns)
        feedForward.forward(gateUp: gateUp, inner: inner, into: output)
    }

    // MARK: Backward

    /// Replaces the gradient of the layer's output, in the first rows of `stream`, by that of its input, and adds the
    /// gradients of its weights.
    func backward(_ context: LayerContext) {
        let buffers = context.workspace.gradients
        feedForwardBackward(context, buffers)
        let attended = buffers.attentionOutput.rows(0..<context.pass.tokens)
        let gradients = context.workspace.attentionGradients(tokens: context.pass.tokens)
        attention.attendBackward(attended, into: gradients, context)
        projectionBackward(gradients, context, buffers)
    }

    /// The backward pass of the feed-forward and of attention's output projection: writes the gradient of attention's
    /// output to `attentionOutput` and that of the residual stream before the feed-forward to `middle`, for all tokens.
    private func feedForwardBackward(_ context: LayerContext, _ buffers: Workspace.Backward) {
        let pass = context.pass
        let count = pass.outputCount
        let scratch = context.workspace.blocks
        buffers.norms.fill(0)
        // If only some tokens leave the layer, the gradient of their attention output is compact at first: the buffer
        // for query, key and value is free until then.
        let compact = buffers.queryKeyValue.reshaped(rows: count, columns: attention.output.weight.columns)
        let dattended = pass.outputs == nil ? buffers.attentionOutput.rows(0..<count) : compact
        context.forEachBlock("feed-forward backward", of: count) { block, thread in
            let dmiddle = buffers.middle.rows(block)
            feedForwardBackward(
                block,
                scratch[thread],
                context,
                buffers,
                norms: buffers.norms.rows(thread..<thread + 1)
            )
            attention.output.inputGradient(dmiddle, into: dattended.rows(block))
        }
        func rows(_ matrix: Matrix) -> Matrix { matrix.rows(0..<count) }
        let contributions = feedForward.weightGradients(
            x: rows(buffers.normed),
            gateUp: context.activations.gateUp,
            inner: rows(buffers.inner),
            dy: rows(buffers.stream)
        )
        let output = Linear.Contribution(linear: attention.output, dy: rows(buffers.middle), x: rows(context.attended))
        Linear.addWeightGradients(contributions + [output], team: context.team)
        feedForwardNorm.addGradient(buffers.norms)
        if let outputs = pass.outputs { expand(outputs, compact, buffers, tokens: pass.tokens) }
    }

    /// The feed-forward and its norm, for a block.
    private func feedForwardBackward(
        _ block: Range<Int>,
        _ scratch: Workspace.Block,
        _ context: LayerContext,
        _ buffers: Workspace.Backward,
        norms: Matrix
    ) {
        let (middle, doutput) = (context.activations.middle.rows(block), buffers.stream.rows(block))
        let dnormed = scratch.narrow.rows(0..<block.count)
        feedForward.backward(
            gateUp: context.activations.gateUp.rows(block),
            inner: buffers.inner.rows(block),
            dinner: scratch.wide.reshaped(rows: block.count, columns: feedForward.down.weight.columns),
            dy: doutput,
            into: dnormed
        )
        // The normalized input was not kept: the weights' gradients need it once more.
        feedForwardNorm.forward(middle, into: buffers.normed.rows(block))
        feedForwardNorm.backward(
            middle,
            dy: dnormed,
            residual: doutput,
            into: buffers.middle.rows(block),
            dweight: norms
        )
    }

    /// Scatters compact gradients to a row for every token; tokens that the head does not read have no gradient yet.
    private func expand(_ outputs: [Int32], _ compact: Matrix, _ buffers: Workspace.Backward, tokens: Int) {
        let (attended, middle) = (buffers.attentionOutput.rows(0..<tokens), buffers.middle.rows(0..<tokens))
        let stream = buffers.stream.rows(0..<outputs.count)
        attended.fill(0)
        attended.scatter(compact, rows: outputs[...])
        stream.copy(from: buffers.middle.rows(0..<outputs.count))
        middle.fill(0)
        middle.scatter(stream, rows: outputs[...])
    }

    /// The backward pass of query, key and value and their norm: leaves the gradient of the layer's input in `stream`.
    private func projectionBackward(
        _ gradients: ForestAttention.Gradients,
        _ context: LayerContext,
        _ buffers: Workspace.Backward
    ) {
        let scratch = context.workspace.blocks
        buffers.norms.fill(0)
        context.forEachBlock("query, key, value backward", of: context.pass.tokens) { block, thread in
            let input = context.input.rows(block)
            let dnormed = scratch[thread].narrow.rows(0..<block.count)
            let dprojected = buffers.queryKeyValue.rows(block)
            attention.projectBackward(gradients, block: block, dprojected: dprojected, into: dnormed, context)
            attentionNorm.forward(input, into: buffers.normed.rows(block))
            attentionNorm.backward(
                input,
                dy: dnormed,
                residual: buffers.middle.rows(block),
                into: buffers.stream.rows(block),
                dweight: buffers.norms.rows(thread..<thread + 1)
            )
        }
        let tokens = 0..<context.pass.tokens
        let contribution = Linear.Contribution(
            linear: attention.queryKeyValue,
            dy: buffers.queryKeyValue.rows(tokens),
            x: buffers.normed.rows(tokens)
        )
        Linear.addWeightGradients([contribution], team: context.team)
        attentionNorm.addGradient(buffers.norms)
    }
}
