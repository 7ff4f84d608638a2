package import Formats

/// Where each weight of a Llama model lies in one flat buffer.
///
/// The order is that in which the backward pass completes gradients: final norm, free head, last layer … first layer,
/// embedding. Matrices that multiply the same input lie next to each other, so that query, key and value are one
/// product, and gate and up another.
package struct ParameterLayout: Sendable {
    /// One weight by its Hugging Face name.
    package struct Tensor: Sendable {
        /// The name in a Hugging Face checkpoint.
        package let name: String
        /// `[out, in]` for matrices, `[width]` for norms.
        package let shape: [Int]
        /// The first element in the flat buffer.
        package let offset: Int

        /// The number of elements.
        package var count: Int { shape.reduce(1, *) }
        /// The elements in the flat buffer.
        package var range: Range<Int> { offset..<offset + count }
        /// Whether weight decay applies: not to norms, as is usual.
        package var decays: Bool { shape.count > 1 }
    }

    /// Every weight, in flat order.
    package private(set) var tensors: [Tensor] = []
    /// The number of elements of the flat buffer.
    package private(set) var count = 0

    private let layerCount: Int
    private var offsets: [String: Int] = [:]

    /// The layout of a model of this architecture.
    package init(_ model: ModelConfiguration) {
        layerCount = model.layerCount
        let (width, inner) = (model.hiddenSize, model.intermediateSize)
        let queryWidth = model.headCount * model.headDimension
        let keyWidth = model.keyValueHeadCount * model.headDimension
        append("model.norm.weight", [width])
        if !model.tiesEmbeddings { append("lm_head.weight", [model.vocabularySize, width]) }
        for layer in (0..<model.layerCount).reversed() {
            let prefix = "model.layers.\(layer)."
            append(prefix + "mlp.down_proj.weight", [width, inner])
            append(prefix + "mlp.gate_proj.weight", [inner, width])
            append(prefix + "mlp.up_proj.weight", [inner, width])
            append(prefix + "post_attention_layernorm.weight", [width])
            append(prefix + "self_attn.o_proj.weight", [width, queryWidth])
            append(prefix + "self_attn.q_proj.weight", [queryWidth, width])
            append(prefix + "self_attn.k_proj.weight", [keyWidth, width])
            append(prefix + "self_attn.v_proj.weight", [keyWidth, width])
            append(prefix + "input_layernorm.weight", [width])
        }
        append("model.embed_tokens.weight", [model.vocabularySize, width])
    }

    /// How many elements, the first of the buffer, have complete gradients when the backward pass has come to the first
    /// `layersLeft` layers, and to the embedding after them.
    package func completed(layersLeft: Int) -> Int {
        precondition((0...layerCount).contains(layersLeft), "layers of this model")
        let next = layersLeft > 0 ? "model.layers.\(layersLeft - 1).mlp.down_proj.weight" : "model.embed_tokens.weight"
        return offset(of: next)
    }

    /// The first element of a weight.
    func offset(of name: String) -> Int {
        guard let offset = offsets[name] else { preconditionFailure("the layout has no \(name)") }
        return offset
    }

    private mutating func append(_ name: String, _ shape: [Int]) {
        tensors.append(Tensor(name: name, shape: shape, offset: count))
        offsets[name] = count
        count += shape.reduce(1, *)
    }
}
