internal import Transformer

// Norm, product and feed-forward.

extension ReferenceModel {
    /// The norm of hidden states.
    func norm(_ x: Vectors, _ module: Module, _ weights: Weights) -> Vectors {
        let (scale, bias) = (weights[module], model.norm.hasBias ? weights[module, .bias] : nil)
        return x.map { model.norm.formula($0, scale: scale, bias: bias) }
    }

    /// `x Wᵀ + b` of a module.
    func product(_ x: Vectors, _ module: Module, hasBias: Bool, _ weights: Weights) -> Vectors {
        let (weight, bias) = (weights[module], hasBias ? weights[module, .bias] : nil)
        return x.map { vector in
            (0..<weight.count / vector.count).map { output in
                let sum = weight.withUnsafeBufferPointer {
                    dot(vector, $0.baseAddress! + output * vector.count, vector.count)
                }
                return sum + (bias?[output] ?? 0)
            }
        }
    }

    /// A plain loop over pointers: an unoptimized build spends its time here.
    func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
        var (sum, i) = (0.0, 0)
        while i < count {
            sum += a[i] * b[i]
            i += 1
        }
        return sum
    }

    /// The feed-forward of a layer.
    func feedForward(_ layer: Int, _ x: Vectors, _ weights: Weights) -> Vectors {
        let shape = model.feedForward
        func product(_ x: Vectors, _ module: LayerModule) -> Vectors {
            self.product(x, .layer(layer, module), hasBias: shape.hasBias, weights)
        }
        guard !shape.isPlain else {
            return product(product(x, .up).map { $0.map(shape.activation.formula) }, .down)
        }
        let gates, ups: Vectors
        if shape.isFused {
            let both = product(x, .gateUp)
            gates = both.map { Array($0[..<shape.width]) }
            ups = both.map { Array($0[shape.width...]) }
        } else {
            (gates, ups) = (product(x, .gate), product(x, .up))
        }
        let inner = zip(gates, ups).map { zip($0, $1).map { shape.activation.formula($0) * $1 } }
        return product(inner, .down)
    }
}
