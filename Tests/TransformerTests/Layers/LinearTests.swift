internal import Compute
internal import TestSupport
internal import Testing
internal import Transformer

/// Products with weights against their formula in float64.
struct LinearTests {
    /// Tokens, inputs and outputs: one, odd, and more outputs than a thread's step of 16.
    private static let shapes = [(1, 1, 1), (3, 5, 7), (6, 4, 53)]

    @Test(
        "the product and the gradients of input and weights follow central differences",
        arguments: shapes,
        [false, true]
    )
    func gradients(shape: (tokens: Int, inputs: Int, outputs: Int), hasBias: Bool) throws {
        let (tokens, inputs, outputs) = shape
        let x = try TestMatrix(tokens, inputs) { noise($0 * 100 + $1) }
        let weight = try TestMatrix(outputs, inputs) { noise(10_000 + $0 * 100 + $1) }
        let dy = try TestMatrix(tokens, outputs) { noise(20_000 + $0 * 100 + $1) }
        let y = try TestMatrix(tokens, outputs)
        let dx = try TestMatrix(tokens, inputs)
        let dweight = try TestMatrix(outputs, inputs) { _, _ in 1 }
        let bias = try TestMatrix(1, outputs) { noise(30_000 + $1) }
        let dbias = try TestMatrix(1, outputs) { _, _ in 1 }
        let linear = Linear(
            weight: weight.view,
            weightGradient: dweight.view,
            bias: hasBias ? bias.view : nil,
            biasGradient: hasBias ? dbias.view : nil
        )
        linear.forward(x.view, into: y.view)
        linear.inputGradient(dy.view, into: dx.view)
        linear.addWeightGradient(dy: dy.view, x: x.view)

        func product(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> [Double] {
            (0..<tokens * outputs).map { index in
                let (token, output) = (index / outputs, index % outputs)
                return (0..<inputs).reduce(hasBias ? bias[output] : 0) {
                    $0 + x[token * inputs + $1] * weight[output * inputs + $1]
                }
            }
        }
        let (inputValues, weightValues, slopes, biases) = (x.doubles, weight.doubles, dy.doubles, bias.doubles)
        func loss(_ y: [Double]) -> Double { zip(y, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(relativeError(y.doubles, product(inputValues, weightValues, biases)) < 1e-6)
        let byInput = centralDifferences({ loss(product($0, weightValues, biases)) }, at: inputValues)
        #expect(relativeError(dx.doubles, byInput) < 1e-6)
        let byWeight = centralDifferences({ loss(product(inputValues, $0, biases)) }, at: weightValues)
        // The gradient is accumulated.
        #expect(relativeError(dweight.doubles, byWeight.map { 1 + $0 }) < 1e-6)
        let byBias = centralDifferences({ loss(product(inputValues, weightValues, $0)) }, at: biases)
        #expect(relativeError(dbias.doubles, byBias.map { 1 + $0 }) < 1e-6)
        // Accumulated, as in the residual stream.
        linear.forward(x.view, into: y.view, accumulate: true)
        #expect(relativeError(y.doubles, product(inputValues, weightValues, biases).map { 2 * $0 }) < 1e-6)
    }

    @Test("a team accumulates the same gradients of several products as a single thread", arguments: [1, 2, 5])
    func team(threads: Int) throws {
        let x = try TestMatrix(9, 6) { noise($0 * 7 + $1) }
        let other = try TestMatrix(9, 3) { noise(500 + $0 * 7 + $1) }
        let dy = try TestMatrix(9, 70) { noise(900 + $0 * 70 + $1) }
        let first = try TestMatrix(70, 6)
        let second = try TestMatrix(70, 3)
        let firstAlone = try TestMatrix(70, 6)
        let secondAlone = try TestMatrix(70, 3)
        func contributions(_ a: borrowing TestMatrix, _ b: borrowing TestMatrix) -> [Linear.Contribution] {
            [
                Linear.Contribution(linear: Linear(weight: a.view, weightGradient: a.view), dy: dy.view, x: x.view),
                Linear.Contribution(linear: Linear(weight: b.view, weightGradient: b.view), dy: dy.view, x: other.view),
            ]
        }
        Linear.addWeightGradients(contributions(first, second), team: ThreadTeam.start(count: threads))
        Linear(weight: firstAlone.view, weightGradient: firstAlone.view).addWeightGradient(dy: dy.view, x: x.view)
        Linear(weight: secondAlone.view, weightGradient: secondAlone.view).addWeightGradient(dy: dy.view, x: other.view)
        #expect(relativeError(first.doubles, firstAlone.doubles) < 1e-6)
        #expect(relativeError(second.doubles, secondAlone.doubles) < 1e-6)
    }

    @Test("a frozen product computes the gradient of its input but none of its weights")
    func frozen() throws {
        let weight = try TestMatrix(5, 4) { noise($0 * 4 + $1) }
        let dy = try TestMatrix(2, 5) { noise(50 + $0 * 5 + $1) }
        let dx = try TestMatrix(2, 4)
        let linear = Linear(weight: weight.view)
        linear.inputGradient(dy.view, into: dx.view)
        #expect(dx.doubles.allSatisfy { $0 != 0 })
        let before = weight.doubles
        let x = try TestMatrix(2, 4) { _, _ in 1 }
        Linear.addWeightGradients(
            [Linear.Contribution(linear: linear, dy: dy.view, x: x.view)],
            team: ThreadTeam.start(count: 2)
        )
        #expect(weight.doubles == before)
    }
}
