internal import Compute

/// One layer over a packed sequence: attention and feed-forward, joined with the residual stream as
/// `Architecture.Branches` describes.
///
/// In the last layer, everything after attention runs only for the tokens that the head reads: the others serve as keys
/// and values only.
struct Layer: Sendable {
    let branches: Architecture.Branches
    /// The norm of attention's input; with parallel branches and one norm, also that of the feed-forward's.
    let attentionNorm: Norm?
    let attention: Attention
    let attentionResidual: Residual
    let feedForwardNorm: Norm?
    let feedForward: FeedForward
    let feedForwardResidual: Residual

    init(_ model: Architecture, _ source: ParameterSource, index: Int) {
        func norm(_ module: LayerModule, if exists: Bool) -> Norm? {
            exists ? Norm(model.norm, source, .layer(index, module)) : nil
        }
        branches = model.branches
        attentionNorm = norm(.attentionNorm, if: branches.normalizesInputs)
        attention = Attention(model, source, layer: index)
        attentionResidual = Residual(
            norm: norm(.attentionOutputNorm, if: branches.normalizesOutputs),
            scale: model.residualScale
        )
        feedForwardNorm = norm(.feedForwardNorm, if: branches.hasFeedForwardNorm)
        feedForward = FeedForward(model.feedForward, source, layer: index)
        feedForwardResidual = Residual(
            norm: norm(.feedForwardOutputNorm, if: branches.normalizesOutputs),
            scale: model.residualScale
        )
    }

    /// The tensors of a layer, in the order in which the backward pass completes their gradients.
    static func declarations(of model: Architecture) -> [(LayerModule, ParameterDeclaration)] {
        func norm(_ module: LayerModule, if exists: Bool) -> [(LayerModule, ParameterDeclaration)] {
            exists ? model.norm.declarations(module, shape: [model.width]) : []
        }
        let branches = model.branches
        return norm(.feedForwardOutputNorm, if: branches.normalizesOutputs)
            + model.feedForward.declarations(outer: model.width)
            + norm(.feedForwardNorm, if: branches.hasFeedForwardNorm)
            + norm(.attentionOutputNorm, if: branches.normalizesOutputs)
            + model.attention.declarations(outer: model.width, norm: model.norm)
            + norm(.attentionNorm, if: branches.normalizesInputs)
    }

    /// The norm of the feed-forward's input; nil if it reads the residual stream as it is.
    var feedForwardInputNorm: Norm? { branches == .parallel ? attentionNorm : feedForwardNorm }

    /// The products with weights.
    var products: [Linear] { [attention.queryKeyValue, attention.output, feedForward.gateUp, feedForward.down] }

    /// Whether any parameter has a gradient.
    var isTrained: Bool {
        products.contains(where: \.isTrained) || norms.contains { $0.gradient != nil }
            || attention.headNorms?.query.isTrained == true
    }

    private var norms: [Norm] {
        [attentionNorm, attentionResidual.norm, feedForwardNorm, feedForwardResidual.norm].compactMap(\.self)
    }

    // MARK: Forward

    /// - Parameter output: `[outputs, D]`, the residual stream after the layer, overwritten; nil to compute only the
    ///   activations for the backward pass, which saves the last product if it is not one of them.
    func forward(_ context: LayerContext, output: Matrix?) {
        let scratch = context.workspace.blocks
        context.forEachBlock("query, key, value", of: context.pass.tokens) { block, thread in
            let input = context.input.rows(block)
            let normed = scratch[thread].narrow.rows(0..<block.count)
            attentionNorm?.forward(input, into: normed)
            let projected = scratch[thread].wide
                .reshaped(rows: block.count, columns: attention.queryKeyValue.weight.rows)
            let x = attentionNorm == nil ? input : normed
            let buffers = scratch[thread].buffers(of: attention.queryKeyValue, rows: block.count)
            attention.project(x, block: block, projected: projected, context, buffers)
        }
        attention.attend(context)
        context.forEachBlock("feed-forward", of: context.pass.outputCount) { block, thread in
            startMiddle(block, context)
            // Parallel branches: the feed-forward reads the stream without attention.
            if !branches.isParallel {
                addAttention(block, scratch[thread], context, to: context.activations.middle.rows(block))
            }
            projectFeedForward(block, scratch[thread], context)
            addBranches(block, scratch[thread], context, output?.rows(block))
        }
    }

    /// Copies the layer's input, and gathers attention's output, for the tokens that leave the layer.
    private func startMiddle(_ block: Range<Int>, _ context: LayerContext) {
        let middle = context.activations.middle.rows(block)
        guard let outputs = context.pass.outputs else { return middle.copy(from: context.input.rows(block)) }
        context.attended.rows(block).gather(context.activations.attention.output, rows: outputs[block])
        middle.gather(context.input, rows: outputs[block])
    }

    private func addAttention(
        _ block: Range<Int>,
        _ scratch: Workspace.Block,
        _ context: LayerContext,
        to stream: Matrix
    ) {
        let attended = context.attended.rows(block)
        attentionResidual.forward(
            kept: context.activations.attentionBranch,
            block,
            scratch: scratch.narrow,
            into: stream
        ) {
            attention.output.forward(
                attended,
                into: $0,
                accumulate: $1,
                scratch.buffers(of: attention.output, rows: block.count)
            )
        }
    }

    private func projectFeedForward(_ block: Range<Int>, _ scratch: Workspace.Block, _ context: LayerContext) {
        let middle = context.activations.middle.rows(block)
        let normed = scratch.narrow.rows(0..<block.count)
        feedForwardInputNorm?.forward(middle, into: normed)
        feedForward.project(
            feedForwardInputNorm == nil ? middle : normed,
            gateUp: context.activations.gateUp.rows(block),
            scratch.buffers(of: feedForward.gateUp, rows: block.count)
        )
    }

    /// Computes the layer's output; without one, only what the backward pass needs.
    private func addBranches(
        _ block: Range<Int>,
        _ scratch: Workspace.Block,
        _ context: LayerContext,
        _ output: Matrix?
    ) {
        let inner = scratch.wide.reshaped(rows: block.count, columns: feedForward.down.weight.columns)
        let gateUp = context.activations.gateUp.rows(block)
        let buffers = scratch.buffers(of: feedForward.down, rows: block.count)
        guard let output else {
            guard feedForwardResidual.norm != nil else { return }
            return feedForward.forward(
                gateUp: gateUp,
                inner: inner,
                into: context.activations.feedForwardBranch.rows(block),
                accumulate: false,
                buffers
            )
        }
        output.copy(from: context.activations.middle.rows(block))
        if branches.isParallel { addAttention(block, scratch, context, to: output) }
        feedForwardResidual.forward(
            kept: context.activations.feedForwardBranch,
            block,
            scratch: scratch.narrow,
            into: output
        ) {
            feedForward.forward(gateUp: gateUp, inner: inner, into: $0, accumulate: $1, buffers)
        }
    }
}
