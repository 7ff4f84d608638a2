internal import Compute

extension Layer {
    /// Replaces the gradient of the layer's output, in the first rows of `stream`, by that of its input, and adds the
    /// gradients of its parameters.
    ///
    /// - Parameter isLowest: Whether nothing below the layer is trained, so that the gradient of its input is not needed, and
    ///   `stream` is left undefined.
    func backward(_ context: LayerContext, isLowest: Bool = false) {
        let buffers = context.workspace.gradients
        buffers.norms.fill(0)
        branchesBackward(context, buffers)
        let attended = buffers.attentionOutput.rows(0..<context.pass.tokens)
        let gradients = context.workspace.attentionGradients(tokens: context.pass.tokens)
        attention.attendBackward(attended, into: gradients, context)
        projectionBackward(gradients, context, buffers, isLowest: isLowest)
        addNormGradients(buffers.norms)
    }

    /// The backward pass of the feed-forward and of attention's output projection: writes the gradient of attention's
    /// output to `attentionOutput`, and that of the residual stream apart from attention to `middle`, for all tokens.
    private func branchesBackward(_ context: LayerContext, _ buffers: Workspace.Backward) {
        let pass = context.pass
        let count = pass.outputCount
        // If only some tokens leave the layer, the gradient of their attention output is compact at first: the buffer
        // for query, key and value is free until then.
        let compact = buffers.queryKeyValue.reshaped(rows: count, columns: attention.output.weight.columns)
        let dattended = pass.outputs == nil ? buffers.attentionOutput.rows(0..<count) : compact
        context.forEachBlock("feed-forward backward", of: count) { block, thread in
            feedForwardBackward(block, thread, context, buffers)
            let dbranch = attentionResidual.backward(
                kept: context.activations.attentionBranch,
                block,
                dstream: attentionStream(buffers).rows(block),
                into: buffers.attentionBranch,
                dparameters: buffers.norms.part(ofThread: thread).attentionOutput
            )
            attention.output.inputGradient(
                dbranch,
                into: dattended.rows(block),
                buffers.lowRank.output.buffers(of: attention.output, block, context.workspace.blocks[thread])
            )
            let scratch = context.workspace.blocks[thread]
            buffers.lowRank.output.project(context.attended.rows(block), attention.output, block, scratch)
        }
        addWeightGradients(context, buffers)
        if let outputs = pass.outputs { expand(outputs, compact, buffers, tokens: pass.tokens) }
    }

    /// The gradient of the stream that attention is added to: parallel branches are added to the same one.
    private func attentionStream(_ buffers: Workspace.Backward) -> Matrix {
        branches.isParallel ? buffers.stream : buffers.middle
    }

    /// The feed-forward and its norms, for a block.
    private func feedForwardBackward(
        _ block: Range<Int>,
        _ thread: Int,
        _ context: LayerContext,
        _ buffers: Workspace.Backward
    ) {
        let scratch = context.workspace.blocks[thread]
        let (middle, doutput) = (context.activations.middle.rows(block), buffers.stream.rows(block))
        let dnormed = scratch.narrow.rows(0..<block.count)
        let dbranch = feedForwardResidual.backward(
            kept: context.activations.feedForwardBranch,
            block,
            dstream: doutput,
            into: buffers.feedForwardBranch,
            dparameters: buffers.norms.part(ofThread: thread).feedForwardOutput
        )
        feedForward.backward(
            gateUp: context.activations.gateUp.rows(block),
            inner: buffers.inner.rows(block),
            dinner: scratch.wide.reshaped(rows: block.count, columns: feedForward.down.weight.columns),
            dy: dbranch,
            into: dnormed,
            (
                buffers.lowRank.gateUp.buffers(of: feedForward.gateUp, block, scratch),
                buffers.lowRank.down.buffers(of: feedForward.down, block, scratch)
            )
        )
        inputBackward(
            feedForwardInputNorm,
            middle,
            dy: dnormed,
            residual: doutput,
            into: buffers.middle.rows(block),
            normed: buffers.normed.rows(block),
            dparameters: feedForwardNormPart(buffers.norms.part(ofThread: thread))
        )
        let normed = feedForwardInputNorm == nil ? middle : buffers.normed.rows(block)
        buffers.lowRank.gateUp.project(normed, feedForward.gateUp, block, scratch)
        buffers.lowRank.down.project(buffers.inner.rows(block), feedForward.down, block, scratch)
    }

    /// Adds the gradient of a branch's input `x` to that of the stream, `residual`, and writes the sum to `dx`.
    ///
    /// - Parameter normed: `[B, D]`, the branch's input after the norm, overwritten if there is one: it was not kept, and
    ///   the weights' gradients need it once more.
    private func inputBackward(
        _ norm: Norm?,
        _ x: Matrix,
        dy: Matrix,
        residual: Matrix,
        into dx: Matrix,
        normed: Matrix,
        dparameters: Matrix
    ) {
        if let norm {
            norm.forward(x, into: normed)
            norm.backward(x, dy: dy, residual: residual, into: dx, dparameters: dparameters)
        } else {
            dx.copy(from: residual)
            dx.add(dy)
        }
    }

    /// The gradient of the feed-forward's input norm.
    private func feedForwardNormPart(_ norms: Workspace.NormGradients) -> Matrix {
        branches == .parallel ? norms.attention : norms.feedForward
    }

    /// Adds the gradients of the weights of the feed-forward and of attention's output.
    private func addWeightGradients(_ context: LayerContext, _ buffers: Workspace.Backward) {
        func rows(_ matrix: Matrix) -> Matrix { matrix.rows(0..<context.pass.outputCount) }
        let contributions = feedForward.weightGradients(
            x: feedForwardInputNorm == nil ? context.activations.middle : rows(buffers.normed),
            gateUp: context.activations.gateUp,
            inner: rows(buffers.inner),
            dy: rows(feedForwardResidual.isDirect ? buffers.stream : buffers.feedForwardBranch),
            (
                buffers.lowRank.gateUp.states(of: feedForward.gateUp, rows: context.pass.outputCount),
                buffers.lowRank.down.states(of: feedForward.down, rows: context.pass.outputCount)
            )
        )
        let output = Linear.Contribution(
            linear: attention.output,
            dy: rows(attentionResidual.isDirect ? attentionStream(buffers) : buffers.attentionBranch),
            x: rows(context.attended),
            lowRank: buffers.lowRank.output.states(of: attention.output, rows: context.pass.outputCount)
        )
        addWeightGradients(contributions + [output], context)
    }

    private func addWeightGradients(_ contributions: [Linear.Contribution], _ context: LayerContext) {
        let scratch = context.workspace.blocks.map(\.weights)
        Linear.addWeightGradients(contributions, team: context.team, scratch: scratch)
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

    /// The backward pass of query, key and value and their norms: leaves the gradient of the layer's input in `stream`.
    private func projectionBackward(
        _ gradients: ForestAttention.Gradients,
        _ context: LayerContext,
        _ buffers: Workspace.Backward,
        isLowest: Bool
    ) {
        let scratch = context.workspace.blocks
        context.forEachBlock("query, key, value backward", of: context.pass.tokens) { block, thread in
            let dnormed = scratch[thread].narrow.rows(0..<block.count)
            let parts = buffers.norms.part(ofThread: thread)
            attention.projectBackward(
                gradients,
                block: block,
                dprojected: buffers.queryKeyValue.rows(block),
                into: isLowest && attentionNorm?.gradient == nil ? nil : dnormed,
                dnorms: (parts.query, parts.key),
                context,
                buffers.lowRank.queryKeyValue.buffers(of: attention.queryKeyValue, block, scratch[thread])
            )
            let (input, normed) = (context.input.rows(block), buffers.normed.rows(block))
            if isLowest, attentionNorm?.gradient == nil {
                attentionNorm?.forward(input, into: normed)
            } else {
                inputBackward(
                    attentionNorm,
                    input,
                    dy: dnormed,
                    residual: buffers.middle.rows(block),
                    into: buffers.stream.rows(block),
                    normed: normed,
                    dparameters: parts.attention
                )
            }
            let x = attentionNorm == nil ? input : normed
            buffers.lowRank.queryKeyValue.project(x, attention.queryKeyValue, block, scratch[thread])
        }
        let tokens = 0..<context.pass.tokens
        let contribution = Linear.Contribution(
            linear: attention.queryKeyValue,
            dy: buffers.queryKeyValue.rows(tokens),
            x: attentionNorm == nil ? context.input : buffers.normed.rows(tokens),
            lowRank: buffers.lowRank.queryKeyValue.states(of: attention.queryKeyValue, rows: context.pass.tokens)
        )
        addWeightGradients([contribution], context)
    }

    private func addNormGradients(_ parts: Workspace.NormGradients) {
        feedForwardResidual.norm?.addGradient(parts.feedForwardOutput)
        feedForwardNorm?.addGradient(parts.feedForward)
        attentionResidual.norm?.addGradient(parts.attentionOutput)
        attention.headNorms?.query.addGradient(parts.query)
        attention.headNorms?.key.addGradient(parts.key)
        attentionNorm?.addGradient(parts.attention)
    }
}
