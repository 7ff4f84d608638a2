package import Compute
package import Formats

/// The weights of a model, or their gradients, as matrices over a flat buffer in `ParameterLayout`'s order.
package struct ParameterViews: Sendable {
    /// One layer's matrices, each `[out, in]`, norms `[1, width]`.
    struct Layer: Sendable {
        let inputNorm: Matrix
        /// Query, key and value projections, `[(H + 2G) K, D]`.
        let queryKeyValue: Matrix
        let output: Matrix
        let postAttentionNorm: Matrix
        /// Gate and up projections, `[2F, D]`.
        let gateUp: Matrix
        let down: Matrix
    }

    /// `[V, D]`.
    let embedding: Matrix
    let layers: [Layer]
    let finalNorm: Matrix
    /// `[V, D]`; the embedding itself where they are tied.
    let head: Matrix

    /// Views of `buffer`, which holds `layout.count` elements and outlives them.
    package init(_ buffer: borrowing FloatBuffer, layout: ParameterLayout, model: ModelConfiguration) {
        precondition(buffer.count == layout.count, "the buffer holds the model")
        let (width, inner) = (model.hiddenSize, model.intermediateSize)
        let queryWidth = model.headCount * model.headDimension
        let attentionWidth = queryWidth + 2 * model.keyValueHeadCount * model.headDimension
        func view(_ name: String, _ rows: Int, _ columns: Int) -> Matrix {
            buffer.matrix(at: layout.offset(of: name), rows: rows, columns: columns)
        }
        layers = (0..<model.layerCount).map { index in
            let prefix = "model.layers.\(index)."
            return Layer(
                inputNorm: view(prefix + "input_layernorm.weight", 1, width),
                queryKeyValue: view(prefix + "self_attn.q_proj.weight", attentionWidth, width),
                output: view(prefix + "self_attn.o_proj.weight", width, queryWidth),
                postAttentionNorm: view(prefix + "post_attention_layernorm.weight", 1, width),
                gateUp: view(prefix + "mlp.gate_proj.weight", 2 * inner, width),
                down: view(prefix + "mlp.down_proj.weight", width, inner)
            )
        }
        embedding = view("model.embed_tokens.weight", model.vocabularySize, width)
        finalNorm = view("model.norm.weight", 1, width)
        head = model.tiesEmbeddings ? embedding : view("lm_head.weight", model.vocabularySize, width)
    }
}
