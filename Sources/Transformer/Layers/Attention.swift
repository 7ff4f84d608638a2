package import Compute

extension Architecture {
    /// Softmax attention whose query heads share key/value heads.
    ///
    /// Grouped-query attention, Ainslie et al. 2023.
    package struct Attention: Sendable, Equatable, Encodable {
        /// Query heads, `H`.
        package var heads: Int
        /// Key/value heads, `G`, a divisor of `heads`.
        package var keyValueHeads: Int
        /// Elements of a head, `K`, even.
        package var headWidth: Int
        /// Whether the projections to query, key and value have biases.
        package var hasInputBias = false
        /// Whether the output projection has one.
        package var hasOutputBias = false
        /// Factor of the products of query and key; nil: `1 / sqrt(K)`.
        package var scoreScale: Float?
        /// Bound of the scores, `cap * tanh(score / cap)`, as in Gemma 2; nil: none.
        package var scoreCap: Float?

        /// Attention of these sizes.
        package init(heads: Int, keyValueHeads: Int, headWidth: Int) {
            (self.heads, self.keyValueHeads, self.headWidth) = (heads, keyValueHeads, headWidth)
        }

        /// `H K`, all query heads together.
        var queryWidth: Int { heads * headWidth }
        /// `G K`, all key heads together.
        var keyWidth: Int { keyValueHeads * headWidth }
        /// `(H + 2G) K`, query, key and value together.
        var projectedWidth: Int { queryWidth + 2 * keyWidth }

        /// The tensors that it declares in a model of width `outer`.
        func declarations(outer: Int) -> [(LayerModule, ParameterDeclaration)] {
            Linear.declarations([.output: outer], inputs: queryWidth, hasBias: hasOutputBias)
                + Linear.declarations(
                    [.query: queryWidth, .key: keyWidth, .value: keyWidth],
                    inputs: outer,
                    hasBias: hasInputBias
                )
        }
    }
}

/// Attention of one layer: the projections around `ForestAttention`, and the rotation between.
///
/// Operations on a block run on the calling thread. Shapes: `T` tokens of the packed sequence, `B` of the block, `D`
/// model width, `H` query heads, `G` key/value heads, `K` head width.
package struct Attention: Sendable {
    /// `[(H + 2G) K, D]`: query, key, value.
    package let queryKeyValue: Linear
    /// `[D, H K]`.
    package let output: Linear
    private let heads: HeadMajor

    /// Attention of this shape with these products.
    package init(_ attention: Architecture.Attention, queryKeyValue: Linear, output: Linear) {
        (self.queryKeyValue, self.output, heads) = (queryKeyValue, output, HeadMajor(attention))
    }

    init(_ attention: Architecture.Attention, _ source: ParameterSource, layer: Int) {
        queryKeyValue = Linear(source, [.query, .key, .value].map { .layer(layer, $0) })
        output = Linear(source, [.layer(layer, .output)])
        heads = HeadMajor(attention)
    }

    // MARK: Projection

    /// Computes query, key and value of a block and rotates them.
    ///
    /// - Parameters:
    ///   - x: `[B, D]`, normalized.
    ///   - projected: `[B, (H + 2G) K]`, overwritten.
    ///   - context: Query, key and value of its activations are overwritten at the block's tokens.
    package func project(_ x: Matrix, block: Range<Int>, projected: Matrix, _ context: LayerContext) {
        queryKeyValue.forward(x, into: projected)
        let (positions, rotary) = (context.pass.positions[block], context.rotary)
        let activations = context.activations.attention
        heads.forEachGroup(projected, block, activations.query, activations.key, activations.value) {
            rotary.forward($0.query, positions: positions, into: $1.query)
            rotary.forward($0.key, positions: positions, into: $1.key)
            $1.value.copy(from: $0.value)
        }
    }

    /// Rotates the gradients of query, key and value back, and computes that of the projections' input.
    ///
    /// - Parameters:
    ///   - gradients: Of the whole packed sequence; those of keys and values are first summed over threads, into the
    ///     first.
    ///   - dprojected: `[B, (H + 2G) K]`, overwritten.
    ///   - dx: `[B, D]`, overwritten.
    package func projectBackward(
        _ gradients: ForestAttention.Gradients,
        block: Range<Int>,
        dprojected: Matrix,
        into dx: Matrix,
        _ context: LayerContext
    ) {
        let (positions, rotary) = (context.pass.positions[block], context.rotary)
        heads.addThreads(gradients.key, block)
        heads.addThreads(gradients.value, block)
        heads.forEachGroup(dprojected, block, gradients.query, gradients.key[0], gradients.value[0]) {
            rotary.backward($1.query, positions: positions, into: $0.query)
            rotary.backward($1.key, positions: positions, into: $0.key)
            $0.value.copy(from: $1.value)
        }
        queryKeyValue.inputGradient(dprojected, into: dx)
    }

    // MARK: Attention

    /// Attention of the whole packed sequence, by the team.
    package func attend(_ context: LayerContext) {
        let (pass, workspace) = (context.pass, context.workspace)
        context.team.run("attention") { thread in
            for task in pass.plan.tasks[thread] {
                let scratch = workspace.blocks[thread].attention
                workspace.attention.forward(context.activations.attention, task: task, scratch: scratch)
                context.team.onProgress?()
            }
        }
    }

    /// The gradients of query, key and value of the whole packed sequence, by the team.
    ///
    /// - Parameter dattended: `[T, H K]`, the gradient of attention's output.
    package func attendBackward(_ dattended: Matrix, into gradients: ForestAttention.Gradients, _ context: LayerContext)
    {
        let (pass, workspace) = (context.pass, context.workspace)
        // If only some queries have tasks, the gradients of the others are zero.
        if pass.outputs != nil { gradients.query.fill(0) }
        context.team.run("attention backward") { thread in
            gradients.key[thread].fill(0)
            gradients.value[thread].fill(0)
            for task in pass.plan.tasks[thread] {
                workspace.attention.backward(
                    context.activations.attention,
                    doutput: dattended,
                    into: gradients,
                    thread: thread,
                    task: task,
                    scratch: workspace.blocks[thread].attention
                )
                context.team.onProgress?()
            }
        }
    }
}
