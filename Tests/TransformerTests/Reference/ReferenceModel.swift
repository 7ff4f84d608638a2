internal import Foundation
internal import Preferences
internal import Transformer

/// A transformer in float64 for central differences: every feature of `Architecture`, written plainly from its
/// definition, without the project's kernels, tiles, buffers or plans.
///
/// A packed sequence is a list of tokens with a path for each: the tokens from the root of its tree to itself.
struct ReferenceModel {
    /// A vector for each token.
    typealias Vectors = [[Double]]

    /// Weights at the offsets of a layout.
    struct Weights {
        let layout: ParameterLayout
        let values: UnsafePointer<Double>

        /// The elements of a tensor, which must exist.
        subscript(_ module: Module, _ part: Parameter.Part = .weight) -> [Double] {
            let tensor = layout.tensor(module, part)!
            return Array(UnsafeBufferPointer(start: values + tensor.offset, count: tensor.count))
        }
    }

    let model: Architecture
    let layout: ParameterLayout

    /// The sum over tokens of responses of `coefficients[token] * log-probability` in a packed sequence, for these
    /// weights.
    func loss(_ row: PackedSequence, weights: [Double], coefficients: [Double]) -> Double {
        var labelCoefficients = Array(repeating: 0.0, count: row.labels.count)
        for (label, coefficient) in zip(row.responseLabels, coefficients) {
            labelCoefficients[Int(label)] += coefficient
        }
        return weights.withUnsafeBufferPointer { values in
            let weights = Weights(layout: layout, values: values.baseAddress!)
            let hidden = hiddenStates(row, weights)
            let logps = logDistributions(row.predictionPositions.map { hidden[Int($0)] }, weights)
            return zip(row.labels, labelCoefficients).reduce(0) {
                $0 + $1.1 * logps[Int($1.0.hidden)][Int($1.0.token)]
            }
        }
    }

    private func hiddenStates(_ row: PackedSequence, _ weights: Weights) -> Vectors {
        let (embedding, paths) = (weights[.embedding], Self.paths(of: row))
        let scale = model.embeddingScale.map(Double.init) ?? 1
        var stream = row.tokens.map { token in
            (0..<model.width).map { scale * embedding[Int(token) * model.width + $0] }
        }
        for index in 0..<model.layerCount { stream = layer(index, stream, paths, weights) }
        return stream
    }

    /// The path of each token: the tokens of its node's ancestors, and those of its node up to itself.
    private static func paths(of row: PackedSequence) -> [[Int]] {
        row.nodes.flatMap { node in
            var above: [Int] = []
            var parent = node.parent
            while parent >= 0 {
                above = Array(row.nodes[parent].tokens) + above
                parent = row.nodes[parent].parent
            }
            return node.tokens.map { above + Array(node.tokens.lowerBound...$0) }
        }
    }

    private func layer(_ index: Int, _ x: Vectors, _ paths: [[Int]], _ weights: Weights) -> Vectors {
        func n(_ module: LayerModule, _ x: Vectors) -> Vectors { norm(x, .layer(index, module), weights) }
        func a(_ x: Vectors) -> Vectors { attention(index, x, paths, weights) }
        func f(_ x: Vectors) -> Vectors { feedForward(index, x, weights) }
        switch model.branches {
        case .sequential:
            let h = sum(x, a(n(.attentionNorm, x)))
            return sum(h, f(n(.feedForwardNorm, h)))
        case .sandwiched:
            let h = sum(x, n(.attentionOutputNorm, a(n(.attentionNorm, x))))
            return sum(h, n(.feedForwardOutputNorm, f(n(.feedForwardNorm, h))))
        case .postNormalized:
            let h = sum(x, n(.attentionOutputNorm, a(x)))
            return sum(h, n(.feedForwardOutputNorm, f(h)))
        case .parallel:
            let normed = n(.attentionNorm, x)
            return sum(sum(x, a(normed)), f(normed))
        case .parallelTwoNorms:
            return sum(sum(x, a(n(.attentionNorm, x))), f(n(.feedForwardNorm, x)))
        }
    }

    /// The residual stream after the addition of a branch.
    private func sum(_ stream: Vectors, _ branch: Vectors) -> Vectors {
        let scale = model.residualScale.map(Double.init) ?? 1
        return zip(stream, branch).map { x, y in x.indices.map { x[$0] + scale * y[$0] } }
    }

    private func logDistributions(_ hidden: Vectors, _ weights: Weights) -> Vectors {
        let normed = norm(hidden, .finalNorm, weights)
        return product(normed, model.tiesEmbeddings ? .embedding : .head, hasBias: false, weights).map { products in
            var logits = products
            if let scale = model.logitScale { logits = logits.map { Double(scale) * $0 } }
            if let cap = model.logitCap.map(Double.init) { logits = logits.map { cap * tanh($0 / cap) } }
            let top = logits.max()!
            let sum = top + log(logits.reduce(0) { $0 + exp($1 - top) })
            return logits.map { $0 - sum }
        }
    }
}
