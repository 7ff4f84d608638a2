internal import Foundation
internal import Preferences
internal import Transformer

/// A Llama model in float64 for central differences, written plainly from its definition, without the project's
/// kernels, tiles, buffers or plans.
///
/// Attention uses an explicit list of the tokens that each token sees.
struct ReferenceModel {
    let model: Architecture
    private let offsets: [String: Int]

    init(_ model: Architecture, layout: ParameterLayout) {
        self.model = model
        offsets = Dictionary(uniqueKeysWithValues: layout.tensors.map { ($0.name, $0.offset) })
    }

    /// The sum over tokens of responses of `coefficients[token] * log-probability` in a packed sequence, for these
    /// weights.
    func loss(_ row: PackedSequence, weights: [Double], coefficients: [Double]) -> Double {
        var labelCoefficients = Array(repeating: 0.0, count: row.labels.count)
        for (label, coefficient) in zip(row.responseLabels, coefficients) {
            labelCoefficients[Int(label)] += coefficient
        }
        return weights.withUnsafeBufferPointer { weights in
            let hidden = hiddenStates(row, weights)
            let logps = row.predictionPositions.map { logDistribution(hidden[Int($0)], weights) }
            return zip(row.labels, labelCoefficients).reduce(0) {
                $0 + $1.1 * logps[Int($1.0.hidden)][Int($1.0.token)]
            }
        }
    }

    private typealias Weights = UnsafeBufferPointer<Double>

    private func hiddenStates(_ row: PackedSequence, _ weights: Weights) -> [[Double]] {
        let embedding = offsets["model.embed_tokens.weight"]!
        let visible = Self.visibleTokens(of: row)
        var stream = row.tokens.map { token in
            let start = embedding + Int(token) * model.width
            return Array(weights[start..<start + model.width])
        }
        for layer in 0..<model.layerCount {
            let prefix = "model.layers.\(layer)."
            let normed = stream.map { norm($0, prefix + "input_layernorm.weight", weights) }
            let attended = attention(normed, positions: row.positions, visible: visible, prefix, weights)
            for token in stream.indices { add(attended[token], to: &stream[token]) }
            for token in stream.indices {
                add(
                    feedForward(
                        norm(stream[token], prefix + "post_attention_layernorm.weight", weights),
                        prefix,
                        weights
                    ),
                    to: &stream[token]
                )
            }
        }
        return stream
    }

    /// The tokens of a token's ancestors, and those of its own node up to itself.
    private static func visibleTokens(of row: PackedSequence) -> [[Int]] {
        row.nodes.flatMap { node in
            node.tokens.map { token in
                var seen = Array(node.tokens.lowerBound...token)
                var parent = node.parent
                while parent >= 0 {
                    seen = Array(row.nodes[parent].tokens) + seen
                    parent = row.nodes[parent].parent
                }
                return seen
            }
        }
    }

    private func attention(
        _ x: [[Double]],
        positions: [Int32],
        visible: [[Int]],
        _ prefix: String,
        _ weights: Weights
    ) -> [[Double]] {
        let (heads, groups, width) = (model.attention.heads, model.attention.keyValueHeads, model.attention.headWidth)
        func project(_ name: String, _ count: Int) -> [[Double]] {
            x.map { product("\(prefix)self_attn.\(name)_proj.weight", count * width, $0, weights) }
        }
        let query = zip(project("q", heads), positions).flatMap { rotated($0, position: Int($1)) }
        let key = zip(project("k", groups), positions).flatMap { rotated($0, position: Int($1)) }
        let value = project("v", groups).flatMap { $0 }
        var scores = Array(repeating: 0.0, count: x.count)
        return x.indices.map { token in
            var output = Array(repeating: 0.0, count: heads * width)
            for head in 0..<heads {
                let start = (token * heads + head) * width
                output.withUnsafeMutableBufferPointer { output in
                    attend(
                        visible[token],
                        query: Array(query[start..<start + width]),
                        key: key,
                        value: value,
                        layout: (head / (heads / groups) * width, groups * width),
                        scores: &scores,
                        into: output.baseAddress! + head * width
                    )
                }
            }
            return product(prefix + "self_attn.o_proj.weight", model.width, output, weights)
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
        layout: (offset: Int, stride: Int),
        scores: UnsafeMutablePointer<Double>,
        into output: UnsafeMutablePointer<Double>
    ) {
        let (width, scale) = (model.attention.headWidth, 1 / Double(model.attention.headWidth).squareRoot())
        visible.withUnsafeBufferPointer { visible in
            var (top, total, i) = (-Double.infinity, 0.0, 0)
            while i < visible.count {
                scores[i] = scale * dot(query, key + (layout.offset + visible[i] * layout.stride), width)
                if scores[i] > top { top = scores[i] }
                i += 1
            }
            i = 0
            while i < visible.count {
                let weight = exp(scores[i] - top)
                let other = value + (layout.offset + visible[i] * layout.stride)
                total += weight
                var column = 0
                while column < width {
                    output[column] += weight * other[column]
                    column += 1
                }
                i += 1
            }
            for column in 0..<width { output[column] /= total }
        }
    }

    private func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
        var (sum, i) = (0.0, 0)
        while i < count {
            sum += a[i] * b[i]
            i += 1
        }
        return sum
    }

    /// Rotates element `i` of each head's first half with element `i` of its second by `position * theta^(-2i/K)`.
    private func rotated(_ x: [Double], position: Int) -> [Double] {
        let (width, half) = (model.attention.headWidth, model.attention.headWidth / 2)
        var out = x
        for start in stride(from: 0, to: x.count, by: width) {
            for i in 0..<half {
                let angle = Double(position) * pow(model.rotary.theta, -2 * Double(i) / Double(width))
                let (a, b) = (x[start + i], x[start + i + half])
                out[start + i] = a * cos(angle) - b * sin(angle)
                out[start + i + half] = b * cos(angle) + a * sin(angle)
            }
        }
        return out
    }

    private func feedForward(_ x: [Double], _ prefix: String, _ weights: Weights) -> [Double] {
        let gate = product(prefix + "mlp.gate_proj.weight", model.feedForward.width, x, weights)
        let up = product(prefix + "mlp.up_proj.weight", model.feedForward.width, x, weights)
        let inner = zip(gate, up).map { $0 / (1 + exp(-$0)) * $1 }
        return product(prefix + "mlp.down_proj.weight", model.width, inner, weights)
    }

    private func logDistribution(_ hidden: [Double], _ weights: Weights) -> [Double] {
        let name = model.tiesEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
        let logits = product(name, model.vocabularySize, norm(hidden, "model.norm.weight", weights), weights)
        let top = logits.max()!
        let sum = top + log(logits.reduce(0) { $0 + exp($1 - top) })
        return logits.map { $0 - sum }
    }

    private func norm(_ x: [Double], _ name: String, _ weights: Weights) -> [Double] {
        let start = offsets[name]!
        let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
        let scale = 1 / (mean + Double(model.norm.epsilon)).squareRoot()
        return x.indices.map { x[$0] * scale * weights[start + $0] }
    }

    /// A weight `[rows, x.count]` times a vector.
    private func product(_ name: String, _ rows: Int, _ x: [Double], _ weights: Weights) -> [Double] {
        let start = offsets[name]!
        return (0..<rows).map { dot(x, weights.baseAddress! + (start + $0 * x.count), x.count) }
    }

    private func add(_ x: [Double], to y: inout [Double]) {
        for index in y.indices { y[index] += x[index] }
    }
}
