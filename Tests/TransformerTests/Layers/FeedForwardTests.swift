internal import Compute
internal import TestSupport
internal import Testing
internal import Transformer

/// The feed-forward against its formula in float64.
struct FeedForwardTests {
    /// A feed-forward of each activation, with and without gate and biases.
    private static let forms = Activation.allCases.flatMap { activation in
        [(false, false), (true, false), (false, true), (true, true)].map { isPlain, hasBias in
            var form = Architecture.FeedForward(width: 1)
            (form.activation, form.isPlain, form.hasBias) = (activation, isPlain, hasBias)
            return form
        }
    }

    @Test(
        "the feed-forward and all gradients follow central differences",
        arguments: [(1, 1, 1), (3, 6, 5), (4, 9, 16)],
        forms
    )
    func gradients(shape: (tokens: Int, width: Int, inner: Int), form: Architecture.FeedForward) throws {
        let (tokens, width, inner) = shape
        let outputs = form.isPlain ? inner : 2 * inner
        let x = try TestMatrix(tokens, width) { noise($0 * 100 + $1) }
        let gateUp = try Product(outputs: outputs, inputs: width, hasBias: form.hasBias, seed: 10_000)
        let down = try Product(outputs: width, inputs: inner, hasBias: form.hasBias, seed: 20_000)
        let dy = try TestMatrix(tokens, width) { noise(30_000 + $0 * 100 + $1) }
        let projected = try TestMatrix(tokens, outputs)
        let activated = try TestMatrix(tokens, inner)
        let y = try TestMatrix(tokens, width) { _, _ in 1 }
        let dx = try TestMatrix(tokens, width)
        let scratch = try TestMatrix(tokens, inner)
        let operation = FeedForward(form, gateUp: gateUp.linear, down: down.linear)
        operation.project(x.view, gateUp: projected.view)
        operation.forward(gateUp: projected.view, inner: activated.view, into: y.view, accumulate: true)
        operation.backward(
            gateUp: projected.view,
            inner: activated.view,
            dinner: scratch.view,
            dy: dy.view,
            into: dx.view
        )
        let contributions = operation.weightGradients(
            x: x.view,
            gateUp: projected.view,
            inner: activated.view,
            dy: dy.view
        )
        Linear.addWeightGradients(contributions, team: ThreadTeam.start(count: 2))

        /// A product with the weights `[outputs, inputs]`, followed by the biases.
        func product(_ x: [Double], _ parameters: [Double], outputs: Int) -> [Double] {
            (0..<outputs).map { output in
                let sum = x.indices.reduce(0) { $0 + x[$1] * parameters[output * x.count + $1] }
                return form.hasBias ? sum + parameters[outputs * x.count + output] : sum
            }
        }
        func formula(_ x: [Double], _ gateUp: [Double], _ down: [Double]) -> [Double] {
            (0..<tokens).flatMap { token -> [Double] in
                let first = product(Array(x[token * width..<(token + 1) * width]), gateUp, outputs: outputs)
                let hidden = (0..<inner).map { unit in
                    let activated = form.activation.formula(first[unit])
                    return form.isPlain ? activated : activated * first[inner + unit]
                }
                return product(hidden, down, outputs: width)
            }
        }
        let (inputs, first, second, slopes) = (x.doubles, gateUp.parameters, down.parameters, dy.doubles)
        func loss(_ y: [Double]) -> Double { zip(y, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(relativeError(y.doubles, formula(inputs, first, second).map { 1 + $0 }) < 2e-6)
        let byInput = centralDifferences({ loss(formula($0, first, second)) }, at: inputs)
        #expect(relativeError(dx.doubles, byInput) < 5e-6)
        let byGateUp = centralDifferences({ loss(formula(inputs, $0, second)) }, at: first)
        #expect(relativeError(gateUp.gradients, byGateUp) < 5e-6)
        let byDown = centralDifferences({ loss(formula(inputs, first, $0)) }, at: second)
        #expect(relativeError(down.gradients, byDown) < 5e-6)
    }
}

/// A product with weights of noise, with or without biases.
private final class Product {
    private let weight: TestMatrix
    private let bias: TestMatrix
    private let dweight: TestMatrix
    private let dbias: TestMatrix
    private let hasBias: Bool

    init(outputs: Int, inputs: Int, hasBias: Bool, seed: Int) throws {
        weight = try TestMatrix(outputs, inputs) { noise(seed + $0 * 100 + $1) }
        bias = try TestMatrix(1, outputs) { noise(seed + 5000 + $1) }
        dweight = try TestMatrix(outputs, inputs)
        dbias = try TestMatrix(1, outputs)
        self.hasBias = hasBias
    }

    var linear: Linear {
        Linear(
            weight: weight.view,
            weightGradient: dweight.view,
            bias: hasBias ? bias.view : nil,
            biasGradient: hasBias ? dbias.view : nil
        )
    }

    /// Weights, then biases if there are.
    var parameters: [Double] { weight.doubles + (hasBias ? bias.doubles : []) }
    /// Their gradients.
    var gradients: [Double] { dweight.doubles + (hasBias ? dbias.doubles : []) }
}
