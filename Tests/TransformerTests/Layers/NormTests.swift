internal import Compute
internal import TestSupport
internal import Testing
internal import Transformer

extension Architecture.Norm {
    /// RMSNorm, RMSNorm with a scale of `1 + w`, LayerNorm, and LayerNorm with a bias.
    static let kinds: [Architecture.Norm] = {
        var kinds = Array(repeating: Architecture.Norm(epsilon: 1e-5), count: 4)
        kinds[1].addsOne = true
        kinds[2].subtractsMean = true
        (kinds[3].subtractsMean, kinds[3].hasBias) = (true, true)
        return kinds
    }()

    /// A scale, less one if the norm adds it.
    func scale(_ index: Int) -> Double { (addsOne ? 0 : 1) + 0.5 * noise(index) }
}

/// The norm against its formula in float64.
struct NormTests {
    @Test(
        "each norm and its gradients follow central differences",
        arguments: [1, 2, 17, 64],
        Architecture.Norm.kinds
    )
    func gradients(width: Int, function: Architecture.Norm) throws {
        let tokens = 3
        let x = try TestMatrix(tokens, width) { 2 * noise($0 * 100 + $1) }
        let weight = try TestMatrix(1, width) { function.scale(5000 + $1) }
        let bias = try TestMatrix(1, width) { noise(6000 + $1) }
        let dy = try TestMatrix(tokens, width) { noise(10_000 + $0 * 100 + $1) }
        let residual = try TestMatrix(tokens, width) { noise(20_000 + $0 * 100 + $1) }
        let y = try TestMatrix(tokens, width)
        let dx = try TestMatrix(tokens, width)
        let gradient = try TestMatrix(1, width) { _, _ in 1 }
        let biasGradient = try TestMatrix(1, width) { _, _ in 2 }
        let norm = Norm(
            function,
            weight: weight.view,
            bias: function.hasBias ? bias.view : nil,
            gradient: gradient.view,
            biasGradient: function.hasBias ? biasGradient.view : nil
        )
        #expect(norm.parameterCount == (function.hasBias ? 2 * width : width))
        let parts = try TestMatrix(2, norm.parameterCount)
        norm.forward(x.view, into: y.view)
        // Two threads, each with a part of the tokens.
        for (thread, share) in [0..<2, 2..<tokens].enumerated() {
            norm.backward(
                x.view.rows(share),
                dy: dy.view.rows(share),
                residual: residual.view.rows(share),
                into: dx.view.rows(share),
                dparameters: parts.view.rows(thread..<thread + 1)
            )
        }
        norm.addGradient(parts.view)

        func formula(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> [Double] {
            (0..<tokens).flatMap { token in
                let row = Array(x[token * width..<(token + 1) * width])
                return function.formula(row, scale: weight, bias: function.hasBias ? bias : nil)
            }
        }
        let (inputs, scales, biases) = (x.doubles, weight.doubles, bias.doubles)
        let (slopes, bypass) = (dy.doubles, residual.doubles)
        func loss(_ y: [Double]) -> Double { zip(y, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
        let isZero = function.subtractsMean && width == 1
        func error(_ found: [Double], _ expected: [Double]) -> Double {
            // The LayerNorm of one element is its bias, whatever the input and the scale are.
            isZero ? zip(found, expected).map { abs($0 - $1) }.max()! : relativeError(found, expected)
        }
        #expect(error(y.doubles, formula(inputs, scales, biases)) < 1e-6)
        let byInput = centralDifferences({ loss(formula($0, scales, biases)) }, at: inputs)
        #expect(error(dx.doubles, zip(byInput, bypass).map { $0 + $1 }) < 5e-6)
        let byScale = centralDifferences({ loss(formula(inputs, $0, biases)) }, at: scales)
        #expect(error(gradient.doubles.map { $0 - 1 }, byScale) < 5e-6)
        let byBias = centralDifferences({ loss(formula(inputs, scales, $0)) }, at: biases)
        #expect(error(biasGradient.doubles, byBias.map { 2 + $0 }) < 5e-6)
    }

    @Test(
        "without a residual, the gradient of the input may replace that of the result",
        arguments: Architecture.Norm.kinds
    )
    func inPlace(function: Architecture.Norm) throws {
        let (tokens, width) = (3, 21)
        let x = try TestMatrix(tokens, width) { 2 * noise($0 * 100 + $1) }
        let weight = try TestMatrix(1, width) { function.scale(5000 + $1) }
        let bias = try TestMatrix(1, width) { noise(6000 + $1) }
        let dy = try TestMatrix(tokens, width) { noise(10_000 + $0 * 100 + $1) }
        let zero = try TestMatrix(tokens, width)
        let dx = try TestMatrix(tokens, width)
        let norm = Norm(function, weight: weight.view, bias: function.hasBias ? bias.view : nil)
        let parts = try TestMatrix(2, norm.parameterCount)
        norm.backward(x.view, dy: dy.view, residual: zero.view, into: dx.view, dparameters: parts.view.rows(0..<1))
        norm.backward(x.view, dy: dy.view, residual: nil, into: dy.view, dparameters: parts.view.rows(1..<2))
        #expect(dy.doubles == dx.doubles && dx.doubles.contains { $0 != 0 })
        let values = parts.doubles
        #expect(values.prefix(norm.parameterCount) == values.suffix(norm.parameterCount))
    }
}
