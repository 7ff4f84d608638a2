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
        /// How the projections to query, key and value are stored.
        package var projection = Projection.separate
        /// The norms of queries and keys before rotation; nil for none.
        package var headNorm: HeadNorm?
        /// The factor of the scores; nil for `1 / sqrt(K)`.
        package var scoreScale: Float?
        /// The bound `c` of the scores, `c tanh(score / c)`; nil for none.
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

        /// The modules of the projections to query, key and value, in their order.
        var inputModules: [LayerModule] {
            projection == .separate ? [.query, .key, .value] : [.queryKeyValue]
        }

        /// The tensors that it declares in a model of width `outer`.
        func declarations(outer: Int, norm: Norm) -> [(LayerModule, ParameterDeclaration)] {
            let inputs: KeyValuePairs<LayerModule, Int> =
                projection == .separate
                ? [.query: queryWidth, .key: keyWidth, .value: keyWidth] : [.queryKeyValue: projectedWidth]
            return Linear.declarations([.output: outer], inputs: queryWidth, hasBias: hasOutputBias)
                + (headNorm?.declarations(self, norm) ?? [])
                + Linear.declarations(inputs, inputs: outer, hasBias: hasInputBias)
        }
    }
}

extension Architecture.Attention {
    /// How the projections to query, key and value are stored.
    package enum Projection: String, Sendable, Encodable {
        /// A tensor for each.
        case separate
        /// One tensor: all query heads, then all key heads, then all value heads.
        case fused
        /// One tensor: query, key and value of the first head, then of the second; as many key/value heads as query heads.
        case interleaved
    }
}

/// Attention of one layer: the projections around `ForestAttention`, the norms of heads and the rotation between.
///
/// Operations on a block run on the calling thread. Shapes: `T` tokens of the packed sequence, `B` of the block, `D`
/// model width, `H` query heads, `G` key/value heads, `K` head width.
package struct Attention: Sendable {
    /// `[(H + 2G) K, D]`: query, key, value.
    package let queryKeyValue: Linear
    /// `[D, H K]`.
    package let output: Linear
    /// The norms of queries and keys; nil without.
    let headNorms: (query: HeadNorm, key: HeadNorm)?
    private let heads: HeadMajor

    /// Attention of this shape with these products and norms.
    package init(
        _ attention: Architecture.Attention,
        queryKeyValue: Linear,
        output: Linear,
        headNorms: (query: HeadNorm, key: HeadNorm)? = nil
    ) {
        precondition(headNorms == nil || attention.projection != .interleaved, "adjacent query heads for their norms")
        (self.queryKeyValue, self.output, self.headNorms) = (queryKeyValue, output, headNorms)
        heads = HeadMajor(attention)
    }

    init(_ model: Architecture, _ source: ParameterSource, layer: Int) {
        let attention = model.attention
        func norm(_ module: LayerModule) -> HeadNorm { HeadNorm(model.norm, source, .layer(layer, module)) }
        self.init(
            attention,
            queryKeyValue: Linear(source, attention.inputModules.map { .layer(layer, $0) }),
            output: Linear(source, [.layer(layer, .output)]),
            headNorms: attention.headNorm.map { _ in (norm(.queryNorm), norm(.keyNorm)) }
        )
    }

    // MARK: Projection

    /// Computes query, key and value of a block, and normalizes and rotates queries and keys.
    ///
    /// - Parameters:
    ///   - x: `[B, D]`, the input of the projections.
    ///   - projected: `[B, (H + 2G) K]`, overwritten.
    ///   - context: Query, key and value of its activations are overwritten at the block's tokens.
    package func project(
        _ x: Matrix,
        block: Range<Int>,
        projected: Matrix,
        _ context: LayerContext,
        _ buffers: Linear.Buffers? = nil
    ) {
        queryKeyValue.forward(x, into: projected, buffers)
        let activations = context.activations.attention
        normalize(projected, keeping: context.activations.unnormalized.rows(headNorms == nil ? 0..<0 : block))
        let positions = context.pass.positions[block]
        heads.forEachGroup(
            projected,
            block,
            activations.query,
            activations.key,
            activations.value,
            firstKey: activations.firstKey
        ) {
            if let rotary = context.rotary {
                rotary.forward($0.query, positions: positions, into: $1.query)
                rotary.forward($0.key, positions: positions, into: $1.key)
            } else {
                $1.query.copy(from: $0.query)
                $1.key.copy(from: $0.key)
            }
            $1.value.copy(from: $0.value)
        }
    }

    /// Normalizes queries and keys in `projected` and keeps them as they were, `[B, (H + G) K]`, for the backward pass.
    private func normalize(_ projected: Matrix, keeping unnormalized: Matrix) {
        guard let headNorms else { return }
        let (queries, keys) = headColumns
        unnormalized.copy(from: projected.columns(0..<keys.upperBound))
        headNorms.query.forward(unnormalized.columns(queries), into: projected.columns(queries))
        headNorms.key.forward(unnormalized.columns(keys), into: projected.columns(keys))
    }

    /// Rotates the gradients of query, key and value back, and computes that of the projections' input.
    ///
    /// - Parameters:
    ///   - gradients: Of the whole packed sequence; those of keys and values are first summed over threads, into the
    ///     first.
    ///   - dprojected: `[B, (H + 2G) K]`, overwritten.
    ///   - dx: `[B, D]`, overwritten; nil if it is not needed.
    ///   - dnorms: The calling thread's gradients of the norms of queries and keys, added to.
    package func projectBackward(
        _ gradients: ForestAttention.Gradients,
        block: Range<Int>,
        dprojected: Matrix,
        into dx: Matrix?,
        dnorms: (query: Matrix, key: Matrix),
        _ context: LayerContext,
        _ buffers: Linear.Buffers? = nil
    ) {
        heads.addThreads(gradients.key, block)
        heads.addThreads(gradients.value, block)
        let positions = context.pass.positions[block]
        heads.forEachGroup(dprojected, block, gradients.query, gradients.key[0], gradients.value[0]) {
            if let rotary = context.rotary {
                rotary.backward($1.query, positions: positions, into: $0.query)
                rotary.backward($1.key, positions: positions, into: $0.key)
            } else {
                $0.query.copy(from: $1.query)
                $0.key.copy(from: $1.key)
            }
            $0.value.copy(from: $1.value)
        }
        if let headNorms {
            let (queries, keys) = headColumns
            let x = context.activations.unnormalized.rows(block)
            headNorms.query.backward(x.columns(queries), dy: dprojected.columns(queries), dparameters: dnorms.query)
            headNorms.key.backward(x.columns(keys), dy: dprojected.columns(keys), dparameters: dnorms.key)
        }
        queryKeyValue.inputGradient(dprojected, into: dx, buffers)
    }

    /// The columns of all queries and of all keys in the projections' result, which is not interleaved.
    private var headColumns: (queries: Range<Int>, keys: Range<Int>) {
        let queries = heads.groups * heads.queryWidth
        return (0..<queries, queries..<queries + heads.groups * heads.width)
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
