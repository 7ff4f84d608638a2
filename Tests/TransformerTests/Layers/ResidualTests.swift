internal import Compute
internal import TestSupport
internal import Testing
internal import Transformer

/// The addition of a branch to the residual stream against its formula in float64.
struct ResidualTests {
    private static let (tokens, width) = (5, 6)
    /// The blocks in which a layer computes the tokens.
    private static let blocks = [0..<3, 3..<tokens]

    @Test(
        "the sum and the gradient of the branch follow central differences, with and without norm and scale",
        arguments: [nil] + Architecture.Norm.kinds,
        [nil, 0.3] as [Float?]
    )
    func gradients(function: Architecture.Norm?, scale: Float?) throws {
        let (tokens, width) = (Self.tokens, Self.width)
        let branch = try TestMatrix(tokens, width) { 2 * noise($0 * 100 + $1) }
        let before = try TestMatrix(tokens, width) { noise(3000 + $0 * 100 + $1) }
        let weight = try TestMatrix(1, width) { function?.scale(5000 + $1) ?? 0 }
        let bias = try TestMatrix(1, width) { noise(6000 + $1) }
        let dstream = try TestMatrix(tokens, width) { noise(10_000 + $0 * 100 + $1) }
        let hasBias = function?.hasBias == true
        let norm = function.map { Norm($0, weight: weight.view, bias: hasBias ? bias.view : nil) }
        let parts = try TestMatrix(1, norm?.parameterCount ?? 0)
        let stream = try TestMatrix(tokens, width) { Double(before.view[$0, $1]) }
        let dbranch = try TestMatrix(tokens, width)
        let (slopes, inputs, others) = (dstream.doubles, branch.doubles, before.doubles)
        try Self.compute(
            Residual(norm: norm, scale: scale),
            branch: branch.view,
            stream: stream.view,
            dstream: dstream.view,
            into: dbranch.view,
            dparameters: parts.view
        )

        func formula(_ branch: [Double], _ weight: [Double], _ bias: [Double]) -> [Double] {
            let normed = (0..<tokens).flatMap { token in
                let row = Array(branch[token * width..<(token + 1) * width])
                return function?.formula(row, scale: weight, bias: hasBias ? bias : nil) ?? row
            }
            return zip(others, normed).map { $0 + (scale.map(Double.init) ?? 1) * $1 }
        }
        let (scales, biases) = (weight.doubles, bias.doubles)
        func loss(_ y: [Double]) -> Double { zip(y, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(relativeError(stream.doubles, formula(inputs, scales, biases)) < 1e-6)
        #expect(dstream.doubles == slopes)
        let byBranch = centralDifferences({ loss(formula($0, scales, biases)) }, at: inputs)
        #expect(relativeError(dbranch.doubles, byBranch) < 5e-6)
        guard function != nil else { return }
        let byScale = centralDifferences({ loss(formula(inputs, $0, biases)) }, at: scales)
        let byBias = centralDifferences({ loss(formula(inputs, scales, $0)) }, at: biases)
        #expect(relativeError(parts.doubles, byScale + (hasBias ? byBias : [])) < 5e-6)
    }

    /// Adds `branch` to `stream` block by block, as a layer does, and writes its gradient to `dbranch`.
    private static func compute(
        _ residual: Residual,
        branch: Matrix,
        stream: Matrix,
        dstream: Matrix,
        into dbranch: Matrix,
        dparameters: Matrix
    ) throws {
        let kept = try TestMatrix(residual.norm == nil ? 0 : tokens, width)
        let buffer = try TestMatrix(residual.isDirect ? 0 : tokens, width)
        let scratch = try TestMatrix(4, width)
        for block in blocks {
            residual.forward(kept: kept.view, block, scratch: scratch.view, into: stream.rows(block)) {
                $1 ? $0.add(branch.rows(block)) : $0.copy(from: branch.rows(block))
            }
        }
        for block in blocks {
            let gradient = residual.backward(
                kept: kept.view,
                block,
                dstream: dstream.rows(block),
                into: buffer.view,
                dparameters: dparameters
            )
            dbranch.rows(block).copy(from: gradient)
        }
    }
}
