internal import Compute
internal import TestSupport
internal import Testing
internal import Transformer

/// The norms of heads against their formula in float64.
struct HeadNormTests {
    /// The shape of the scales for three heads of four elements: shared, one for each head, all heads together.
    private static let shapes = [(1, 4), (3, 4), (1, 12)]

    @Test(
        "each kind of head norm and its gradients follow central differences, within wider rows",
        arguments: shapes,
        Architecture.Norm.kinds
    )
    func gradients(shape: (norms: Int, width: Int), function: Architecture.Norm) throws {
        let (tokens, all, columns) = (4, 20, 5..<17)
        let x = try TestMatrix(tokens, all) { 2 * noise($0 * 100 + $1) }
        let weight = try TestMatrix(shape.norms, shape.width) { function.scale(5000 + $0 * 100 + $1) }
        let dy = try TestMatrix(tokens, all) { noise(10_000 + $0 * 100 + $1) }
        let y = try TestMatrix(tokens, all) { _, _ in 7 }
        let gradient = try TestMatrix(shape.norms, shape.width) { _, _ in 1 }
        let parts = try TestMatrix(2, shape.norms * shape.width)
        let norm = HeadNorm(function, weight: weight.view, gradient: gradient.view)
        let slopes = dy.doubles
        norm.forward(x.view.columns(columns), into: y.view.columns(columns))
        // Two threads, each with a part of the tokens.
        for (thread, share) in [0..<3, 3..<tokens].enumerated() {
            norm.backward(
                x.view.rows(share).columns(columns),
                dy: dy.view.rows(share).columns(columns),
                dparameters: parts.view.rows(thread..<thread + 1)
            )
        }
        norm.addGradient(parts.view)

        func inside(_ values: [Double]) -> [Double] {
            (0..<tokens).flatMap { values[$0 * all + columns.lowerBound..<$0 * all + columns.upperBound] }
        }
        func outside(_ values: [Double]) -> [Double] {
            values.indices.filter { !columns.contains($0 % all) }.map { values[$0] }
        }
        func formula(_ x: [Double], _ weight: [Double]) -> [Double] {
            stride(from: 0, to: x.count, by: shape.width).flatMap { start in
                let head = start % columns.count / shape.width
                let scale = shape.norms == 1 ? weight : Array(weight[head * shape.width..<(head + 1) * shape.width])
                return function.formula(Array(x[start..<start + shape.width]), scale: scale)
            }
        }
        let (inputs, scales, inner) = (inside(x.doubles), weight.doubles, inside(slopes))
        func loss(_ y: [Double]) -> Double { zip(y, inner).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(relativeError(inside(y.doubles), formula(inputs, scales)) < 1e-6)
        #expect(outside(y.doubles).allSatisfy { $0 == 7 } && outside(dy.doubles) == outside(slopes))
        let byInput = centralDifferences({ loss(formula($0, scales)) }, at: inputs)
        #expect(relativeError(inside(dy.doubles), byInput) < 5e-6)
        let byScale = centralDifferences({ loss(formula(inputs, $0)) }, at: scales)
        #expect(relativeError(gradient.doubles.map { $0 - 1 }, byScale) < 5e-6)
    }
}
