internal import Compute

/// The buffers of the layers for a packed sequence, allocated from one arena and reused by all.
///
/// Shapes: `T` tokens of a packed sequence, `D` model width, `H` query heads, `G` key/value heads, `K` head width, `F`
/// feed-forward width.
package final class Workspace {
    /// The size of the largest packed sequence, and the kind of passes.
    package struct Capacity: Sendable, Equatable {
        /// The most tokens in a packed sequence.
        package var tokens: Int
        /// Whether gradients are computed, which requires the activations of every layer.
        package var trains: Bool
        /// Whether only the input of each layer is kept, and activations are recomputed in the backward pass.
        package var recomputes: Bool
        /// The maximum size of kept logits in bytes; the logits of a larger tree are recomputed.
        package var logitBytes: Int
        /// The sizes of the model's adapter.
        package var adapter: AdapterShape
        /// Whether frozen weights are stored in 16 bits, and widened block by block.
        package var widensWeights: Bool

        /// A capacity; by default 256 MiB of logits are kept.
        package init(
            tokens: Int,
            trains: Bool,
            recomputes: Bool = false,
            logitBytes: Int = 256 << 20,
            adapter: AdapterShape = .none,
            widensWeights: Bool = false
        ) {
            self.tokens = tokens
            self.trains = trains
            self.recomputes = recomputes
            self.logitBytes = logitBytes
            self.adapter = adapter
            self.widensWeights = widensWeights
        }
    }

    /// The maximum number of tokens in a block: enough for the full rate of products, few enough for the caches.
    static let blockSize = 1024

    let capacity: Capacity
    package let attention: ForestAttention
    private let arena: Arena
    private let parts: Parts

    /// Buffers for packed sequences within `capacity`, for a team of `threads`.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(_ model: Architecture, capacity: Capacity, threads: Int) throws {
        let count = Arena.elementCount { _ = Parts(model, capacity, threads, &$0) }
        var arena = try Arena(capacity: count)
        parts = Parts(model, capacity, threads, &arena)
        attention = ForestAttention(model.attention)
        self.capacity = capacity
        self.arena = consume arena
    }

    /// The bytes of a workspace of this capacity after every buffer has been used.
    static func byteCount(_ model: Architecture, capacity: Capacity, threads: Int) -> Int {
        return Arena.elementCount { _ = Parts(model, capacity, threads, &$0) }
            * MemoryLayout<Float>.stride
    }

    /// Sets all elements of all buffers.
    func fill(_ value: Float, team: ThreadTeam) { arena.all.fill(value, team: team) }

    /// The output of the last layer at prediction positions, `[T, D]`.
    var hidden: Matrix { parts.hidden }
    /// The normalized output at prediction positions, `[T, D]`.
    var finalNormed: Matrix { parts.finalNormed }
    /// The attention output at prediction positions, `[T, H K]`.
    var compactAttention: Matrix { parts.compactAttention }
    /// Each thread's buffers.
    var blocks: [Block] { parts.blocks }

    /// The buffers of the backward pass; the capacity must train.
    var gradients: Backward {
        guard let backward = parts.backward else { preconditionFailure("a workspace with gradients") }
        return backward
    }

    /// The residual stream before layer `index`.
    ///
    /// - Parameter keeping: Whether it must last until the backward pass; if not, its memory is soon reused and stays
    ///   in cache.
    func input(_ index: Int, keeping: Bool) -> Matrix {
        parts.inputs[keeping ? index : index % 2 % parts.inputs.count]
    }

    /// The kept activations of layer `index`.
    func layer(_ index: Int, keeping: Bool) -> Layer { parts.layers[keeping ? index % parts.layers.count : 0] }

    /// The gradients of query, key and value for a packed sequence of `tokens` tokens.
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
        /// The residual stream before each layer, `[T, D]`; two alternating ones if nothing is kept.
        let inputs: [Matrix]
        /// The activations of each layer, or one for all if only inputs are kept.
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
            for _ in 0..<threads { scratch.append(Block(model, capacity, &arena)) }
            blocks = scratch
            backward = capacity.trains ? Backward(model, capacity.adapter, tokens, threads, &arena) : nil
        }
    }
}
