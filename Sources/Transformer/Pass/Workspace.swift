internal import Compute

/// The buffers that the layers need for a row, cut from one arena and reused by all rows.
///
/// Shapes: `T` tokens of a row, `D` model width, `H` query heads, `G` key/value heads, `K` head width, `F` feed-forward
/// width.
package final class Workspace {
    /// The largest row for which buffers are made, and how passes may use them.
    package struct Capacity: Sendable, Equatable {
        /// The most tokens in a row.
        package var tokens: Int
        /// Whether gradients are computed, for which every layer's activations are kept.
        package var trains: Bool
        /// Whether of a layer only its input is kept, and the rest recomputed in the backward pass.
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

    /// The most tokens that a block of rows has: enough for the products' full rate, few enough for the caches.
    static let blockSize = 1024

    let capacity: Capacity
    package let attention: ForestAttention
    private let arena: Arena
    private let parts: Parts

    /// Buffers for rows within `capacity`, for a team of `threads`.
    ///
    /// - Throws: `MemoryError` where the system refuses the memory.
    package init(_ model: Architecture, capacity: Capacity, threads: Int) throws {
        var measure = Arena()
        _ = Parts(model, capacity, threads, &measure)
        var arena = try Arena(capacity: measure.elementCount)
        parts = Parts(model, capacity, threads, &arena)
        attention = ForestAttention(model.attention)
        self.capacity = capacity
        self.arena = consume arena
    }

    /// The bytes that a workspace of this capacity takes once every buffer has been used.
    static func byteCount(_ model: Architecture, capacity: Capacity, threads: Int) -> Int {
        var measure = Arena()
        _ = Parts(model, capacity, threads, &measure)
        return measure.elementCount * MemoryLayout<Float>.stride
    }

    /// Sets all elements of all buffers.
    func fill(_ value: Float, team: ThreadTeam) { arena.all.fill(value, team: team) }

    /// What the last layer gives to the final norm: only rows that a label reads, `[T, D]`.
    var hidden: Matrix { parts.hidden }
    /// Those rows normalized, `[T, D]`.
    var finalNormed: Matrix { parts.finalNormed }
    /// The attention output of those rows, `[T, H K]`.
    var compactAttention: Matrix { parts.compactAttention }
    /// Each thread's buffers.
    var blocks: [Block] { parts.blocks }

    /// The buffers of the backward pass; the capacity must train.
    var gradients: Backward {
        guard let backward = parts.backward else { preconditionFailure("a workspace that trains") }
        return backward
    }

    /// The residual stream before layer `index`.
    ///
    /// - Parameter keeping: Whether it must last until the backward pass; if not, the same memory serves soon again, and
    ///   stays in cache.
    func input(_ index: Int, keeping: Bool) -> Matrix {
        parts.inputs[keeping ? index : index % 2 % parts.inputs.count]
    }

    /// What the forward pass keeps of layer `index`.
    func layer(_ index: Int, keeping: Bool) -> Layer { parts.layers[keeping ? index % parts.layers.count : 0] }

    /// The gradients of query, key and value for a row of `tokens` tokens.
    package func attentionGradients(tokens: Int) -> ForestAttention.Gradients {
        func sized(_ matrix: Matrix) -> Matrix {
            matrix.reshaped(rows: attention.groups * tokens, columns: matrix.columns)
        }
        let all = gradients.attention
        return ForestAttention.Gradients(
            query: sized(all.query),
            key: all.key.map(sized),
            value: all.value.map(sized)
        )
    }

    private struct Parts {
        /// The residual stream before each layer, `[T, D]`; two take turns where nothing is kept.
        let inputs: [Matrix]
        /// Of each layer, or one for all where only inputs are kept.
        let layers: [Layer]
        let hidden: Matrix
        let finalNormed: Matrix
        let compactAttention: Matrix
        let blocks: [Block]
        let backward: Backward?

        init(_ model: Architecture, _ capacity: Capacity, _ threads: Int, _ arena: inout Arena) {
            let tokens = capacity.tokens
            let keepsAll = capacity.trains && !capacity.recomputes
            let streams = capacity.trains ? model.layerCount : min(2, model.layerCount)
            inputs = arena.matrices(streams, rows: tokens, columns: model.width)
            var sets: [Layer] = []
            for _ in 0..<(keepsAll ? model.layerCount : 1) { sets.append(Layer(model, tokens, &arena)) }
            layers = sets
            hidden = arena.matrix(rows: tokens, columns: model.width)
            finalNormed = arena.matrix(rows: tokens, columns: model.width)
            compactAttention = arena.matrix(rows: tokens, columns: model.attention.queryWidth)
            var scratch: [Block] = []
            for _ in 0..<threads { scratch.append(Block(model, &arena)) }
            blocks = scratch
            backward = capacity.trains ? Backward(model, tokens, threads, &arena) : nil
        }
    }
}

extension Arena {
    /// Cuts off several matrices of one shape.
    fileprivate mutating func matrices(_ count: Int, rows: Int, columns: Int) -> [Matrix] {
        var matrices: [Matrix] = []
        for _ in 0..<count { matrices.append(matrix(rows: rows, columns: columns)) }
        return matrices
    }
}

extension Workspace {
    /// What a layer's forward pass leaves for its backward pass, in addition to its input.
    struct Layer {
        let attention: ForestAttention.Activations
        /// The residual stream between attention and feed-forward, `[T, D]`.
        let middle: Matrix
        /// Gate and up projections, `[T, 2F]`; their gradients after the backward pass.
        let gateUp: Matrix

        /// The same buffers for a row of `tokens` tokens, of which `outputs` leave the layer.
        func sized(tokens: Int, outputs: Int) -> Layer {
            let groups = attention.logSumExp.rows
            let heads = attention.query.columns / attention.key.columns
            func head(_ matrix: Matrix) -> Matrix { matrix.reshaped(rows: groups * tokens, columns: matrix.columns) }
            return Layer(
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
        /// The gradient of the final norm's result, `[T, D]`.
        let finalNormed: Matrix
        /// The activation before the down projection, `[T, F]`.
        let inner: Matrix
        /// The gradient of attention's output, `[T, H K]`.
        let attentionOutput: Matrix
        /// The gradient of query, key and value before rotation, token-major, `[T, (H + 2G) K]`.
        let queryKeyValue: Matrix
        let attention: ForestAttention.Gradients
        /// Each thread's part of a norm's weight gradient, `[threads, D]`.
        let norms: Matrix
    }
}

extension Workspace.Layer {
    fileprivate init(_ model: Architecture, _ tokens: Int, _ arena: inout Arena) {
        let (groups, width) = (model.attention.keyValueHeads, model.attention.headWidth)
        let heads = model.attention.heads / groups
        attention = ForestAttention.Activations(
            query: arena.matrix(rows: groups * tokens, columns: heads * width),
            key: arena.matrix(rows: groups * tokens, columns: width),
            value: arena.matrix(rows: groups * tokens, columns: width),
            logSumExp: arena.matrix(rows: groups, columns: tokens * heads),
            output: arena.matrix(rows: tokens, columns: model.attention.queryWidth)
        )
        middle = arena.matrix(rows: tokens, columns: model.width)
        gateUp = arena.matrix(rows: tokens, columns: 2 * model.feedForward.width)
    }
}

extension Workspace.Block {
    fileprivate init(_ model: Architecture, _ arena: inout Arena) {
        let wideColumns = max(model.attention.projectedWidth, model.feedForward.width)
        narrow = arena.matrix(rows: Workspace.blockSize, columns: model.width)
        wide = arena.matrix(rows: Workspace.blockSize, columns: wideColumns)
        attention = ForestAttention.Scratch(ForestAttention(model.attention), arena: &arena)
    }
}

extension Workspace.Backward {
    fileprivate init(_ model: Architecture, _ tokens: Int, _ threads: Int, _ arena: inout Arena) {
        let (groups, width) = (model.attention.keyValueHeads, model.attention.headWidth)
        stream = arena.matrix(rows: tokens, columns: model.width)
        middle = arena.matrix(rows: tokens, columns: model.width)
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
        norms = arena.matrix(rows: threads, columns: model.width)
    }
}
