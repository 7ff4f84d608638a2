internal import Compute

extension Workspace {
    /// The activations of a layer that its backward pass needs, in addition to its input.
    struct Layer {
        let attention: ForestAttention.Activations
        /// Queries and keys before their norms, `[T, (H + G) K]`; empty without norms.
        let unnormalized: Matrix
        /// The residual stream that the feed-forward reads, before its norm, `[T, D]`.
        let middle: Matrix
        /// Gate and up projections, `[T, 2F]`; their gradients after the backward pass.
        let gateUp: Matrix
        /// The outputs of attention and of the feed-forward before their norms, `[T, D]`; empty without norms.
        let attentionBranch: Matrix
        let feedForwardBranch: Matrix

        /// The same buffers for a packed sequence of `tokens` tokens, of which `outputs` leave the layer; with `kept`, the keys
        /// and values are appended to those.
        func sized(tokens: Int, outputs: Int, kept: KeptKeys.Layer?) -> Layer {
            let groups = attention.logSumExp.rows
            let heads = attention.query.columns / attention.key.columns
            func head(_ matrix: Matrix) -> Matrix { matrix.reshaped(rows: groups * tokens, columns: matrix.columns) }
            return Layer(
                attention: ForestAttention.Activations(
                    query: head(attention.query),
                    key: kept?.key ?? head(attention.key),
                    value: kept?.value ?? head(attention.value),
                    firstKey: kept?.count ?? 0,
                    logSumExp: attention.logSumExp.reshaped(rows: groups, columns: tokens * heads),
                    output: attention.output.rows(0..<tokens)
                ),
                unnormalized: unnormalized,
                middle: middle.rows(0..<outputs),
                gateUp: gateUp.rows(0..<outputs),
                attentionBranch: attentionBranch,
                feedForwardBranch: feedForwardBranch
            )
        }
    }

    /// One thread's buffers for a block of rows.
    struct Block {
        /// `[block, D]`.
        let narrow: Matrix
        /// `[block, max((H + 2G) K, F)]`.
        let wide: Matrix
        let attention: ForestAttention.Scratch
        /// `[1, block * R]` for the largest adapter of a product; empty without one.
        let states: Matrix
        /// A block of adapted or widened weights, or an operand of an adapter, `[1, elements]`; empty if weights are used as
        /// they are.
        let weights: Matrix

        /// The buffers of a product in the forward pass, for a block of `rows` tokens.
        func buffers(of linear: Linear, rows: Int) -> Linear.Buffers {
            Linear.Buffers(
                states: states.reshaped(rows: rows, columns: linear.lowRank?.rank ?? 0),
                scratch: weights
            )
        }
    }

    /// The states of the adapter of a product, `x Aᵀ`, and their gradients, each `[1, T * R]`; empty without one.
    struct LowRankPair {
        let states: Matrix
        let gradient: Matrix

        /// Recomputes `x Aᵀ` of a block of tokens, a hundredth of the step's work, which takes memory in each layer if it is
        /// kept; `x` is `[B, N]`.
        func project(_ x: Matrix, _ linear: Linear, _ block: Range<Int>, _ scratch: Block) {
            guard let adapter = linear.lowRank else { return }
            let start = block.lowerBound * adapter.rank
            let part = states.reshaped(at: start, rows: block.count, columns: adapter.rank)
            adapter.project(x, into: part, scratch: scratch.weights)
        }

        /// The buffers of a product in the backward pass, for a block of tokens.
        func buffers(of linear: Linear, _ block: Range<Int>, _ scratch: Block) -> Linear.Buffers {
            let rank = linear.lowRank?.rank ?? 0
            let part = gradient.reshaped(at: block.lowerBound * rank, rows: block.count, columns: rank)
            return Linear.Buffers(states: part, scratch: scratch.weights)
        }

        /// Those of the first `rows` tokens.
        func states(of linear: Linear, rows: Int) -> Linear.LowRankStates? {
            linear.lowRank.map { adapter in
                Linear.LowRankStates(
                    states: states.reshaped(rows: rows, columns: adapter.rank),
                    gradient: gradient.reshaped(rows: rows, columns: adapter.rank)
                )
            }
        }
    }

    /// Those of all products of a layer.
    struct LowRankPairs {
        let queryKeyValue: LowRankPair
        let output: LowRankPair
        let gateUp: LowRankPair
        let down: LowRankPair
    }

    /// Buffers of the backward pass for all tokens of a packed sequence.
    struct Backward {
        /// The gradient of the residual stream after, then before a layer, `[T, D]`.
        let stream: Matrix
        /// The gradient of the residual stream between attention and feed-forward, or, if they are parallel, of the
        /// layer's input apart from attention, `[T, D]`.
        let middle: Matrix
        /// The gradients of attention and of the feed-forward, `[T, D]`; empty if they are added directly.
        let attentionBranch: Matrix
        let feedForwardBranch: Matrix
        /// The normalized input of a product whose weight gradient is due, `[T, D]`.
        let normed: Matrix
        /// The gradient of the final norm's result, `[T, D]`.
        let finalNormed: Matrix
        /// The activation before the down projection, `[T, F]`.
        let inner: Matrix
        /// The gradient of attention's output, `[T, H K]`.
        let attentionOutput: Matrix
        /// The gradient of query, key and value before rotation, token-major, `[T, (H + 2G) K]`.
        let queryKeyValue: Matrix
        let attention: ForestAttention.Gradients
        let norms: NormGradients
        let lowRank: LowRankPairs
    }

    /// Each thread's part of the gradients of the parameters of norms: a layer's, or, in `attention`, the final norm's.
    ///
    /// `[threads, parameters]`, empty for norms that the model does not have.
    struct NormGradients {
        let attention: Matrix
        let attentionOutput: Matrix
        let feedForward: Matrix
        let feedForwardOutput: Matrix
        let query: Matrix
        let key: Matrix

        private var all: [Matrix] { [attention, attentionOutput, feedForward, feedForwardOutput, query, key] }

        /// Sets all to `value`.
        func fill(_ value: Float) { for part in all { part.fill(value) } }

        /// The parts of one thread, `[1, parameters]`.
        func part(ofThread thread: Int) -> NormGradients {
            func row(_ matrix: Matrix) -> Matrix { matrix.rows(thread..<thread + 1) }
            return NormGradients(
                attention: row(attention),
                attentionOutput: row(attentionOutput),
                feedForward: row(feedForward),
                feedForwardOutput: row(feedForwardOutput),
                query: row(query),
                key: row(key)
            )
        }
    }
}

extension Workspace.NormGradients {
    init(_ model: Architecture, _ threads: Int, _ arena: inout Arena) {
        let (attentionShape, branches) = (model.attention, model.branches)
        let width = (model.norm.hasBias ? 2 : 1) * model.width
        attention = arena.matrix(rows: threads, columns: width)
        attentionOutput = arena.matrix(rows: threads, columns: branches.normalizesOutputs ? width : 0)
        feedForward = arena.matrix(rows: threads, columns: branches.hasFeedForwardNorm ? width : 0)
        feedForwardOutput = arena.matrix(rows: threads, columns: branches.normalizesOutputs ? width : 0)
        let norms = attentionShape.headNorm?.declarations(attentionShape, model.norm) ?? []
        func count(_ module: LayerModule) -> Int {
            norms.filter { $0.0 == module }.reduce(0) { $0 + $1.1.shape.reduce(1, *) }
        }
        query = arena.matrix(rows: threads, columns: count(.queryNorm))
        key = arena.matrix(rows: threads, columns: count(.keyNorm))
    }
}

extension Workspace.Layer {
    init(_ model: Architecture, _ tokens: Int, _ arena: inout Arena) {
        let (groups, width) = (model.attention.keyValueHeads, model.attention.headWidth)
        let heads = model.attention.heads / groups
        attention = ForestAttention.Activations(
            query: arena.matrix(rows: groups * tokens, columns: heads * width),
            key: arena.matrix(rows: groups * tokens, columns: width),
            value: arena.matrix(rows: groups * tokens, columns: width),
            logSumExp: arena.matrix(rows: groups, columns: tokens * heads),
            output: arena.matrix(rows: tokens, columns: model.attention.queryWidth)
        )
        let keptHeads = model.attention.headNorm == nil ? 0 : tokens
        unnormalized = arena.matrix(rows: keptHeads, columns: model.attention.queryWidth + model.attention.keyWidth)
        middle = arena.matrix(rows: tokens, columns: model.width)
        gateUp = arena.matrix(rows: tokens, columns: model.feedForward.projectedWidth)
        let keptBranches = model.branches.normalizesOutputs ? tokens : 0
        attentionBranch = arena.matrix(rows: keptBranches, columns: model.width)
        feedForwardBranch = arena.matrix(rows: keptBranches, columns: model.width)
    }
}

extension Workspace.Block {
    init(_ model: Architecture, _ capacity: Workspace.Capacity, _ arena: inout Arena) {
        let wideColumns = max(model.attention.projectedWidth, model.feedForward.width)
        narrow = arena.matrix(rows: Workspace.blockSize, columns: model.width)
        wide = arena.matrix(rows: Workspace.blockSize, columns: wideColumns)
        attention = ForestAttention.Scratch(ForestAttention(model.attention), arena: &arena)
        states = arena.matrix(rows: 1, columns: Workspace.blockSize * capacity.adapter.largestRank)
        let inputs = max(model.width, model.attention.queryWidth, model.feedForward.width)
        let adapted = capacity.adapter.hasMagnitudes ? LowRank.scratchCount(inputs: inputs) : 0
        let products = [
            (model.attention.projectedWidth, model.width, capacity.adapter.queryKeyValue),
            (model.width, model.attention.queryWidth, capacity.adapter.output),
            (model.feedForward.projectedWidth, model.width, capacity.adapter.gateUp),
            (model.width, model.feedForward.width, capacity.adapter.down),
        ]
        let counts = products.map { outputs, inputs, rank in
            max(
                capacity.widensWeights ? StoredMatrix.scratchCount(rows: outputs, columns: inputs) : 0,
                LowRank.scratchCount(rank: rank, inputs: inputs, outputs: outputs)
            )
        }
        weights = arena.matrix(rows: 1, columns: max(adapted, counts.max() ?? 0))
    }
}

extension Workspace.Backward {
    init(_ model: Architecture, _ adapter: AdapterShape, _ tokens: Int, _ threads: Int, _ arena: inout Arena) {
        let (groups, width) = (model.attention.keyValueHeads, model.attention.headWidth)
        stream = arena.matrix(rows: tokens, columns: model.width)
        middle = arena.matrix(rows: tokens, columns: model.width)
        let isDirect = !model.branches.normalizesOutputs && model.residualScale == nil
        attentionBranch = arena.matrix(rows: isDirect ? 0 : tokens, columns: model.width)
        feedForwardBranch = arena.matrix(rows: isDirect ? 0 : tokens, columns: model.width)
        normed = arena.matrix(rows: tokens, columns: model.width)
        finalNormed = arena.matrix(rows: tokens, columns: model.width)
        inner = arena.matrix(rows: tokens, columns: model.feedForward.width)
        attentionOutput = arena.matrix(rows: tokens, columns: model.attention.queryWidth)
        queryKeyValue = arena.matrix(rows: tokens, columns: model.attention.projectedWidth)
        attention = ForestAttention.Gradients(
            query: arena.matrix(rows: groups * tokens, columns: model.attention.queryWidth / groups),
            key: arena.matrices(threads, rows: groups * tokens, columns: width),
            value: arena.matrices(threads, rows: groups * tokens, columns: width)
        )
        norms = Workspace.NormGradients(model, threads, &arena)
        lowRank = Workspace.LowRankPairs(adapter, tokens, &arena)
    }
}

extension Workspace.LowRankPairs {
    init(_ adapter: AdapterShape, _ tokens: Int, _ arena: inout Arena) {
        func pair(_ rank: Int, _ arena: inout Arena) -> Workspace.LowRankPair {
            let states = arena.matrix(rows: 1, columns: tokens * rank)
            return Workspace.LowRankPair(states: states, gradient: arena.matrix(rows: 1, columns: tokens * rank))
        }
        queryKeyValue = pair(adapter.queryKeyValue, &arena)
        output = pair(adapter.output, &arena)
        gateUp = pair(adapter.gateUp, &arena)
        down = pair(adapter.down, &arena)
    }
}

extension Arena {
    /// Allocates several matrices of one shape.
    mutating func matrices(_ count: Int, rows: Int, columns: Int) -> [Matrix] {
        var matrices: [Matrix] = []
        for _ in 0..<count { matrices.append(matrix(rows: rows, columns: columns)) }
        return matrices
    }
}
