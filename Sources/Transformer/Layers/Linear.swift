package import Compute

/// A product with weights, `y = x Wᵀ + b`, with an adapter `y = x Wᵀ + s (x Aᵀ) Bᵀ + b`: the only place where activations
/// meet a matrix of parameters.
///
/// Shapes: `T` tokens, `N` inputs, `M` outputs, `R` the rank of the adapter.
package struct Linear: Sendable {
    /// `[M, N]`; frozen weights may be stored in 16 bits.
    package let weight: StoredMatrix
    /// `[M, N]`, added to; nil if the weight is frozen.
    package let weightGradient: Matrix?
    /// `[1, M]`; nil without a bias.
    package let bias: Matrix?
    /// `[1, M]`, added to; nil without a bias or if it is frozen.
    package let biasGradient: Matrix?
    /// The adapter of the weights; nil for none.
    package let lowRank: LowRank?
    /// How products with the weights are computed; those of an adapter with its own matrices are float32.
    let products: Products
    /// The output of the whole product at which this part begins.
    private let firstOutput: Int

    /// One product of adjacent modules, which multiply the same input.
    init(_ source: ParameterSource, _ modules: [Module]) {
        let part: Parameter.Part = source.copies(modules[0]) ? .copy : .weight
        guard let weight = source.stored(modules, part) else { preconditionFailure("a product has a weight") }
        self.weight = weight
        weightGradient = source.gradient(modules, part)
        bias = source.weight(modules, .bias)
        biasGradient = source.gradient(modules, .bias)
        lowRank = LowRank(source, modules)
        products = source.products
        firstOutput = 0
    }

    /// A product with these weights in float32.
    package init(
        weight: Matrix,
        weightGradient: Matrix? = nil,
        bias: Matrix? = nil,
        biasGradient: Matrix? = nil,
        products: Products = .float32
    ) {
        self.init(
            weight: .float32(weight),
            weightGradient: weightGradient,
            bias: bias,
            biasGradient: biasGradient,
            lowRank: nil,
            products: products
        )
    }

    /// A product with these weights.
    init(
        weight: StoredMatrix,
        weightGradient: Matrix? = nil,
        bias: Matrix? = nil,
        biasGradient: Matrix? = nil,
        lowRank: LowRank?,
        products: Products,
        firstOutput: Int = 0
    ) {
        (self.weight, self.weightGradient) = (weight, weightGradient)
        (self.bias, self.biasGradient) = (bias, biasGradient)
        (self.lowRank, self.products, self.firstOutput) = (lowRank, products, firstOutput)
    }

    /// Whether any of its parameters has a gradient.
    var isTrained: Bool { weightGradient != nil || biasGradient != nil || lowRank?.aGradient != nil }

    /// The tensors of a product of modules with these numbers of outputs: adjacent weights, then biases.
    static func declarations(
        _ outputs: KeyValuePairs<LayerModule, Int>,
        inputs: Int,
        hasBias: Bool
    ) -> [(LayerModule, ParameterDeclaration)] {
        outputs.map { ($0, ParameterDeclaration(kind: .matrix, shape: [$1, inputs])) }
            + (hasBias ? outputs.map { ($0, ParameterDeclaration(part: .bias, kind: .bias, shape: [$1])) } : [])
    }

    /// The product for some of the outputs, of one that has no adapter.
    package func outputs(_ range: Range<Int>) -> Linear {
        precondition(lowRank == nil, "a product without an adapter")
        return Linear(
            weight: weight.rows(range),
            weightGradient: weightGradient?.rows(range),
            bias: bias?.columns(range),
            biasGradient: biasGradient?.columns(range),
            lowRank: nil,
            products: products,
            firstOutput: firstOutput + range.lowerBound
        )
    }

    /// The product as it is without its adapter.
    var withoutAdapter: Linear {
        Linear(
            weight: weight,
            weightGradient: weightGradient,
            bias: bias,
            biasGradient: biasGradient,
            lowRank: nil,
            products: products,
            firstOutput: firstOutput
        )
    }

    /// Buffers of a block of tokens that an adapter or weights in 16 bits need.
    package struct Buffers {
        /// In the forward pass `x Aᵀ`, in the backward pass its gradient, `[T, R]`, overwritten; empty without an adapter.
        let states: Matrix
        /// The calling thread's matrix for blocks of adapted or widened weights, and for operands of an adapter.
        let scratch: Matrix
    }

    // MARK: On the calling thread

    /// `y = x Wᵀ + b`, or `y += x Wᵀ + b`; `x` is `[T, N]`, `y` `[T, M]`.
    ///
    /// - Parameter buffers: For the adapter, if there is one, and for weights in 16 bits.
    package func forward(_ x: Matrix, into y: Matrix, accumulate: Bool = false, _ buffers: Buffers? = nil) {
        if let bias { accumulate ? y.add(row: bias) : y.fill(rows: bias) }
        let isAdded = accumulate || bias != nil
        guard let lowRank, let buffers else {
            precondition(lowRank == nil, "buffers for the adapter")
            return products.forward(
                x,
                weight,
                firstIndex: firstOutput * weight.columns,
                into: y,
                accumulate: isAdded,
                scratch: buffers?.scratch
            )
        }
        if lowRank.hasMagnitudes {
            lowRank.forEachBlock(of: weight, scratch: buffers.scratch) { outputs, weight in
                let (first, y) = (outputs.lowerBound * weight.columns, y.columns(outputs))
                products.forward(x, .float32(weight), firstIndex: first, into: y, accumulate: isAdded)
            }
        } else {
            products.forward(x, weight, into: y, accumulate: isAdded, scratch: buffers.scratch)
            lowRank.forward(x, states: buffers.states, into: y, scratch: buffers.scratch)
        }
    }

    /// `dx = dy W`, or `dx += dy W`; `dy` is `[T, M]`, `dx` `[T, N]`, nil if only the adapter's gradients are needed.
    ///
    /// - Parameter buffers: For the adapter, if there is one, whose gradients need `states` of all tokens, and for weights
    ///   in 16 bits.
    package func inputGradient(_ dy: Matrix, into dx: Matrix?, accumulate: Bool = false, _ buffers: Buffers? = nil) {
        guard let lowRank, let buffers else {
            precondition(lowRank == nil, "buffers for the adapter")
            guard let dx else { return }
            return products.inputGradient(
                dy,
                weight,
                firstIndex: firstOutput * weight.columns,
                into: dx,
                accumulate: accumulate,
                scratch: buffers?.scratch
            )
        }
        if lowRank.hasMagnitudes {
            lowRank.stateGradient(dy, dstates: buffers.states, scratch: buffers.scratch)
            guard let dx else { return }
            lowRank.forEachBlock(of: weight, scratch: buffers.scratch) { outputs, weight in
                let (first, dy) = (outputs.lowerBound * weight.columns, dy.columns(outputs))
                let adds = accumulate || first > 0
                products.inputGradient(dy, .float32(weight), firstIndex: first, into: dx, accumulate: adds)
            }
        } else {
            if let dx { products.inputGradient(dy, weight, into: dx, accumulate: accumulate, scratch: buffers.scratch) }
            lowRank.inputGradient(dy, dstates: buffers.states, into: dx)
        }
    }

    /// `dW += dyᵀ x` and `db += Σ dy` over tokens; `dy` is `[T, M]`, `x` `[T, N]`.
    package func addWeightGradient(dy: Matrix, x: Matrix) {
        if let weightGradient { products.weightGradient(dy, x, into: weightGradient, accumulate: true) }
        biasGradient?.addColumnSums(of: dy)
    }
}
