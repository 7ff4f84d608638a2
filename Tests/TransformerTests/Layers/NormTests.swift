internal import Compute
internal import TestSupport
internal import Testing
internal import Transformer

/// The norm against its formula in float64.
struct NormTests {
    @Test("the norm and both gradients follow central differences", arguments: [1, 2, 17, 64])
    func gradients(width: Int) throws {
        let tokens = 3
        let x = try TestMatrix(tokens, width) { 2 * noise($0 * 100 + $1) }
        let weight = try TestMatrix(1, width) { 1 + 0.5 * noise(5000 + $1) }
        let dy = try TestMatrix(tokens, width) { noise(10_000 + $0 * 100 + $1) }
        let residual = try TestMatrix(tokens, width) { noise(20_000 + $0 * 100 + $1) }
        let y = try TestMatrix(tokens, width)
        let dx = try TestMatrix(tokens, width)
        let parts = try TestMatrix(2, width)
        let gradient = try TestMatrix(1, width) { _, _ in 1 }
        let norm = Norm(Architecture.Norm(epsilon: 1e-5), weight: weight.view, gradient: gradient.view)
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

        func formula(_ x: [Double], _ weight: [Double]) -> [Double] {
            (0..<tokens).flatMap { token -> [Double] in
                let row = x[token * width..<(token + 1) * width]
                let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(width) + Double(Float(1e-5))).squareRoot()
                return zip(row, weight).map { $0 * scale * $1 }
            }
        }
        let (inputs, scales, slopes, bypass) = (x.doubles, weight.doubles, dy.doubles, residual.doubles)
        func loss(_ y: [Double]) -> Double { zip(y, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(relativeError(y.doubles, formula(inputs, scales)) < 1e-6)
        let byInput = centralDifferences({ loss(formula($0, scales)) }, at: inputs)
        #expect(relativeError(dx.doubles, zip(byInput, bypass).map { $0 + $1 }) < 5e-6)
        let byScale = centralDifferences({ loss(formula(inputs, $0)) }, at: scales)
        #expect(relativeError(gradient.doubles.map { $0 - 1 }, byScale) < 5e-6)
    }
}
