internal import Compute
package import Formats

/// Every buffer that the passes over a row need, cut from one arena and reused by all rows.
///
/// Shapes: `T` tokens of a row, `D` model width, `H` query heads, `G` key/value heads, `K` head width, `F` feed-forward
/// width, `V` vocabulary.
package struct Workspace: ~Copyable {
    /// The largest row for which buffers are made, and how passes may use them.
    package struct Capacity: Sendable, Equatable {
        /// The most tokens in a row.
        package var tokens: Int
        /// Whether gradients are computed, for which every layer's activations are kept.
        package var trains: Bool
        /// Whether of a layer only its input is kept, and the rest made again for the backward pass.
        package var recomputes: Bool
        /// The most logits kept at once, in bytes; a tree with more goes in two passes.
        package var logitBytes: Int

        /// A capacity; the default keeps a quarter of a gibibyte of logits.
        package init(tokens: Int, trains: Bool, recomputes: Bool = false, logitBytes: Int = 256 << 20) {
            self.tokens = tokens
            self.trains = trains
            self.recomputes = recomputes
            self.logitBytes = logitBytes
        }
    }

    /// What a layer's forward pass leaves for its backward pass, beside its input.
    struct Layer {
        let attention: ForestAttention.Activations
        /// The residual stream between attention and feed-forward, `[T, D]`.
        let middle: Matrix
        /// Gate and up projections, `[T, 2F]`; their gradients after the backward pass.
        let gateUp: Matrix
    }

    /// One thread's buffers for a block of rows.
    struct Block {
        /// `[block, D]`.
        let narrow: Matrix
        /// `[block, max((H + 2G) K, F)]`.
        let wide: Matrix
        let attention: ForestAttention.Scratch
    }

    /// Row-long buffers of the backward pass.
    struct Backward {
        /// The gradient of the residual stream after, then before a layer, `[T, D]`.
        let stream: Matrix
        /// The gradient of the residual stream between attention and feed-forward, `[T, D]`.
        let middle: Matrix
        /// The normalized input of a product whose weight gradient is due, `[T, D]`.
        let normed: Matrix
        /// The activation before the down projection, `[T, F]`.
        let inner: Matrix
        /// The gradient of attention's output, `[T, H K]`.
        let attentionOutput: Matrix
        /// The gradient of query, key and value before rotation, token-major, `[T, (H + 2G) K]`.
        let queryKeyValue: Matrix
        let attention: ForestAttention.Gradients
        /// Each thread's share of the norms' weight gradients, `[threads, D]`.
        let norms: Matrix
    }

    /// The most tokens that a block of rows has: enough for the products' full rate, few enough for the caches.
    static let blockSize = 1024

    let capacity: Capacity
    private let arena: Arena
    /// The residual stream before each layer, `[T, D]`; two take turns where nothing is kept.
    private let inputs: [Matrix]
    /// Of each layer, or one for all where nothing but inputs is kept.
    private let layers: [Layer]
    /// What the last layer gives to the head: only rows that a target reads, `[T, D]`.
    let hidden: Matrix
    /// The attention output of those rows, `[T, H K]`.
    let compactAttention: Matrix
    let blocks: [Block]
    let backward: Backward?
    let head: VocabularyHead.Buffers

    /// Buffers for rows within `capacity`, for a team of `threads`.
    package init(_ model: ModelConfiguration, capacity: Capacity, threads: Int) throws {
        var measure = Arena()
        _ = Parts(model, capacity, threads, &measure)
        var arena = try Arena(capacity: measure.elementCount)
        let parts = Parts(model, capacity, threads, &arena)
        self.capacity = capacity
        self.arena = consume arena
        inputs = parts.inputs
        layers = parts.layers
        hidden = parts.hidden
        compactAttention = parts.compactAttention
        blocks = parts.blocks
        backward = parts.backward
        head = parts.head
    }

    /// The bytes that a workspace of this capacity takes once every buffer has been used.
    package static func byteCount(_ model: ModelConfiguration, capacity: Capacity, threads: Int) -> Int {
        var measure = Arena()
        _ = Parts(model, capacity, threads, &measure)
        return measure.elementCount * MemoryLayout<Float>.stride
    }

    /// Sets all elements of all buffers.
    func fill(_ value: Float, team: ThreadTeam) {
        let all = arena.all
        team.run("fill") { thread in all.columns(team.share(of: all.columns, thread: thread)).fill(value) }
    }

    /// The residual stream before layer `index`.
    ///
    /// - Parameter keeping: Whether it must last until the backward pass; if not, the same memory serves soon again, and
    ///   stays in cache.
    func input(_ index: Int, keeping: Bool) -> Matrix { inputs[keeping ? index : index % 2 % inputs.count] }

    /// The other buffers of layer `index`.
    func layer(_ index: Int, keeping: Bool) -> Layer { layers[keeping ? index % layers.count : 0] }

    private struct Parts {
        let inputs: [Matrix]
        let layers: [Layer]
        let hidden: Matrix
        let compactAttention: Matrix
        let blocks: [Block]
        let backward: Backward?
        let head: VocabularyHead.Buffers

        init(_ model: ModelConfiguration, _ capacity: Capacity, _ threads: Int, _ arena: inout Arena) {
            let attention = ForestAttention(model)
            let tokens = capacity.tokens
            let keepsAll = capacity.trains && !capacity.recomputes
            var streams: [Matrix] = []
            for _ in 0..<(capacity.trains ? model.layerCount : min(2, model.layerCount)) {
                streams.append(arena.matrix(rows: tokens, columns: model.hiddenSize))
            }
            inputs = streams
            var sets: [Layer] = []
            for _ in 0..<(keepsAll ? model.layerCount : 1) { sets.append(Layer(model, tokens, &arena)) }
            layers = sets
            hidden = arena.matrix(rows: tokens, columns: model.hiddenSize)
            compactAttention = arena.matrix(rows: tokens, columns: model.headCount * model.headDimension)
            var scratch: [Block] = []
            for _ in 0..<threads { scratch.append(Block(model, attention, &arena)) }
            blocks = scratch
            backward = capacity.trains ? Backward(model, tokens, threads, &arena) : nil
            head = VocabularyHead.Buffers(model, capacity, threads: threads, arena: &arena)
        }
    }
}

extension ModelConfiguration {
    /// `H K`, the width of all query heads together.
    var queryWidth: Int { headCount * headDimension }
    /// `(H + 2G) K`, the width of query, key and value together.
    var queryKeyValueWidth: Int { (headCount + 2 * keyValueHeadCount) * headDimension }
}

extension Workspace.Layer {
    fileprivate init(_ model: ModelConfiguration, _ tokens: Int, _ arena: inout Arena) {
        let (groups, width) = (model.keyValueHeadCount, model.headDimension)
        let heads = model.headCount / groups
        attention = ForestAttention.Activations(
            query: arena.matrix(rows: groups * tokens, columns: heads * width),
            key: arena.matrix(rows: groups * tokens, columns: width),
            value: arena.matrix(rows: groups * tokens, columns: width),
            logSumExp: arena.matrix(rows: groups, columns: tokens * heads),
            output: arena.matrix(rows: tokens, columns: model.queryWidth)
        )
        middle = arena.matrix(rows: tokens, columns: model.hiddenSize)
        gateUp = arena.matrix(rows: tokens, columns: 2 * model.intermediateSize)
    }

    /// The same buffers for a row of `tokens` tokens, of which `outputs` leave the layer.
    func sized(tokens: Int, outputs: Int) -> Workspace.Layer {
        let groups = attention.logSumExp.rows
        let heads = attention.query.columns / attention.key.columns
        func head(_ matrix: Matrix) -> Matrix { matrix.reshaped(rows: groups * tokens, columns: matrix.columns) }
        return Workspace.Layer(
            attention: ForestAttention.Activations(
                query: head(attention.query),
                key: head(attention.key),
                value: head(attention.value),
                logSumExp: attention.logSumExp.reshaped(rows: groups, columns: tokens * heads),
                output: attention.output.rows(0..<tokens)
            ),
            middle: middle.rows(0..<outputs),
            gateUp: gateUp.rows(0..<outputs)
        )
    }
}

extension Workspace.Block {
    fileprivate init(_ model: ModelConfiguration, _ attention: ForestAttention, _ arena: inout Arena) {
        let wideColumns = max(model.queryKeyValueWidth, model.intermediateSize)
        narrow = arena.matrix(rows: Workspace.blockSize, columns: model.hiddenSize)
        wide = arena.matrix(rows: Workspace.blockSize, columns: wideColumns)
        self.attention = ForestAttention.Scratch(attention, arena: &arena)
    }
}

extension Workspace.Backward {
    fileprivate init(_ model: ModelConfiguration, _ tokens: Int, _ threads: Int, _ arena: inout Arena) {
        let (groups, width) = (model.keyValueHeadCount, model.headDimension)
        stream = arena.matrix(rows: tokens, columns: model.hiddenSize)
        middle = arena.matrix(rows: tokens, columns: model.hiddenSize)
        normed = arena.matrix(rows: tokens, columns: model.hiddenSize)
        inner = arena.matrix(rows: tokens, columns: model.intermediateSize)
        attentionOutput = arena.matrix(rows: tokens, columns: model.queryWidth)
        queryKeyValue = arena.matrix(rows: tokens, columns: model.queryKeyValueWidth)
        var keys: [Matrix] = []
        var values: [Matrix] = []
        for _ in 0..<threads {
            keys.append(arena.matrix(rows: groups * tokens, columns: width))
            values.append(arena.matrix(rows: groups * tokens, columns: width))
        }
        attention = ForestAttention.Gradients(
            query: arena.matrix(rows: groups * tokens, columns: model.queryWidth / groups),
            key: keys,
            value: values
        )
        norms = arena.matrix(rows: threads, columns: model.hiddenSize)
    }
}
