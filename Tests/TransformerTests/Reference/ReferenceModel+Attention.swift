internal import Foundation
internal import Transformer

// Attention, over an explicit list of the tokens that each token sees.

extension ReferenceModel {
    /// Query, key and value: for each token all heads, one after the other.
    private typealias Heads = (query: Vectors, key: Vectors, value: Vectors)

    /// Attention of a layer.
    func attention(_ layer: Int, _ x: Vectors, _ paths: [[Int]], _ weights: Weights) -> Vectors {
        var heads = projected(layer, x, weights)
        heads.query = positioned(headNormed(heads.query, .layer(layer, .queryNorm), weights), layer, paths)
        heads.key = positioned(headNormed(heads.key, .layer(layer, .keyNorm), weights), layer, paths)
        let (key, value) = (heads.key.flatMap { $0 }, heads.value.flatMap { $0 })
        let (shape, isWindowed) = (model.attention, model.kind(ofLayer: layer).isWindowed)
        let (width, keyWidth) = (shape.headWidth, shape.keyValueHeads * shape.headWidth)
        let shared = shape.heads / shape.keyValueHeads
        let attended = x.indices.map { token -> [Double] in
            // Depths above d - window, where d is the last depth of the path.
            let visible = isWindowed ? Array(paths[token].suffix(model.window!)) : paths[token]
            return (0..<shape.heads).flatMap { head -> [Double] in
                attend(
                    visible,
                    query: Array(heads.query[token][head * width..<(head + 1) * width]),
                    key: key,
                    value: value,
                    layout: (head / shared * width, keyWidth)
                )
            }
        }
        return product(attended, .layer(layer, .output), hasBias: shape.hasOutputBias, weights)
    }

    private func projected(_ layer: Int, _ x: Vectors, _ weights: Weights) -> Heads {
        let shape = model.attention
        func product(_ module: LayerModule) -> Vectors {
            self.product(x, .layer(layer, module), hasBias: shape.hasInputBias, weights)
        }
        if shape.projection == .separate { return (product(.query), product(.key), product(.value)) }
        let all = product(.queryKeyValue)
        /// The heads of this width at these starts.
        func heads(_ starts: some Sequence<Int>) -> Vectors {
            all.map { vector in starts.flatMap { vector[$0..<$0 + shape.headWidth] } }
        }
        // The slots of a token: all queries, then all keys, then all values; or query, key and value of each head.
        let (queries, keys) = (shape.heads, shape.keyValueHeads)
        func slots(_ slots: some Sequence<Int>) -> Vectors { heads(slots.map { $0 * shape.headWidth }) }
        if shape.projection == .fused {
            return (
                slots(0..<queries), slots(queries..<queries + keys), slots(queries + keys..<queries + 2 * keys)
            )
        }
        return (
            slots((0..<queries).map { 3 * $0 }), slots((0..<keys).map { 3 * $0 + 1 }),
            slots((0..<keys).map { 3 * $0 + 2 })
        )
    }

    /// The norm of the heads of each token, as `HeadNorm` describes.
    private func headNormed(_ x: Vectors, _ module: Module, _ weights: Weights) -> Vectors {
        guard let kind = model.attention.headNorm else { return x }
        let (scale, width) = (weights[module], model.attention.headWidth)
        guard kind != .joint else { return x.map { model.norm.formula($0, scale: scale) } }
        return x.map { vector in
            stride(from: 0, to: vector.count, by: width).flatMap { start in
                let own = kind == .ownScale ? Array(scale[start..<start + width]) : scale
                return model.norm.formula(Array(vector[start..<start + width]), scale: own)
            }
        }
    }

    /// Rotates the heads of each token by its depth.
    private func positioned(_ x: Vectors, _ layer: Int, _ paths: [[Int]]) -> Vectors {
        let rotary: Architecture.Rotary
        switch model.kind(ofLayer: layer).positions {
        case .none: return x
        case .global: rotary = model.rotary
        case .local: rotary = model.localRotary!
        }
        let width = model.attention.headWidth
        return zip(x, paths).map { vector, path in
            stride(from: 0, to: vector.count, by: width).flatMap { start in
                rotary.formula(Array(vector[start..<start + width]), position: path.count - 1)
            }
        }
    }

    /// The values of the visible tokens, weighted by the softmax of the query's products with their keys.
    ///
    /// Plain loops over pointers: an unoptimized build spends its time here.
    ///
    /// - Parameter layout: Where a token's key and value start, and how far apart tokens are.
    private func attend(
        _ visible: [Int],
        query: UnsafePointer<Double>,
        key: UnsafePointer<Double>,
        value: UnsafePointer<Double>,
        layout: (offset: Int, stride: Int)
    ) -> [Double] {
        let width = model.attention.headWidth
        let scale = model.attention.scoreScale.map(Double.init) ?? 1 / Double(width).squareRoot()
        let cap = model.attention.scoreCap.map(Double.init)
        var output = Array(repeating: 0.0, count: width)
        visible.withUnsafeBufferPointer { visible in
            output.withUnsafeMutableBufferPointer { output in
                // Scores of tiny models are far from overflow, so that no maximum is subtracted.
                var (total, i) = (0.0, 0)
                while i < visible.count {
                    let start = layout.offset + visible[i] * layout.stride
                    var score = scale * dot(query, key + start, width)
                    if let cap { score = cap * tanh(score / cap) }
                    let weight = exp(score)
                    total += weight
                    var column = 0
                    while column < width {
                        output[column] += weight * value[start + column]
                        column += 1
                    }
                    i += 1
                }
                for column in 0..<width { output[column] /= total }
            }
        }
        return output
    }
}
