internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing
internal import Transformer

/// The feed-forward against its formula in float64.
struct FeedForwardTests {
    @Test(
        "the feed-forward and all gradients follow central differences",
        arguments: [(1, 1, 1), (3, 6, 5), (4, 9, 16)]
    )
    func gradients(tokens: Int, width: Int, inner: Int) throws {
        let x = try TestMatrix(tokens, width) { noise($0 * 100 + $1) }
        let gateUp = try TestMatrix(2 * inner, width) { noise(10_000 + $0 * 100 + $1) }
        let down = try TestMatrix(width, inner) { noise(20_000 + $0 * 100 + $1) }
        let dy = try TestMatrix(tokens, width) { noise(30_000 + $0 * 100 + $1) }
        let dgateUp = try TestMatrix(2 * inner, width)
        let ddown = try TestMatrix(width, inner)
        let projected = try TestMatrix(tokens, 2 * inner)
        let activated = try TestMatrix(tokens, inner)
        let y = try TestMatrix(tokens, width) { _, _ in 1 }
        let dx = try TestMatrix(tokens, width)
        let scratch = try TestMatrix(tokens, inner)
        let operation = FeedForward(
            Architecture.FeedForward(width: inner),
            gateUp: Linear(weight: gateUp.view, weightGradient: dgateUp.view),
            down: Linear(weight: down.view, weightGradient: ddown.view)
        )
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

        func formula(_ x: [Double], _ gateUp: [Double], _ down: [Double]) -> [Double] {
            (0..<tokens).flatMap { token -> [Double] in
                let row = Array(x[token * width..<(token + 1) * width])
                func product(_ output: Int) -> Double {
                    (0..<width).reduce(0) { $0 + row[$1] * gateUp[output * width + $1] }
                }
                let hidden = (0..<inner).map { unit -> Double in
                    let gate = product(unit)
                    return gate / (1 + exp(-gate)) * product(inner + unit)
                }
                return (0..<width).map { output in
                    (0..<inner).reduce(0) { $0 + hidden[$1] * down[output * inner + $1] }
                }
            }
        }
        let (inputs, first, second, slopes) = (x.doubles, gateUp.doubles, down.doubles, dy.doubles)
        func loss(_ y: [Double]) -> Double { zip(y, slopes).reduce(0) { $0 + $1.0 * $1.1 } }
        #expect(relativeError(y.doubles, formula(inputs, first, second).map { 1 + $0 }) < 2e-6)
        let byInput = centralDifferences({ loss(formula($0, first, second)) }, at: inputs)
        #expect(relativeError(dx.doubles, byInput) < 5e-6)
        let byGateUp = centralDifferences({ loss(formula(inputs, $0, second)) }, at: first)
        #expect(relativeError(dgateUp.doubles, byGateUp) < 5e-6)
        let byDown = centralDifferences({ loss(formula(inputs, first, $0)) }, at: second)
        #expect(relativeError(ddown.doubles, byDown) < 5e-6)
    }
}
