internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// Trees that share a prefix, computed together, against plain sequences.
struct StemGradientTests {
    private struct Outcome {
        /// Of each token, by response.
        var logps: [Int: [Float]] = [:]
        var gradient: [Double]
    }

    /// Coefficients of both signs for each token of a response, the same wherever it is packed.
    private func coefficients(_ row: PackedSequence) -> [Double] {
        row.responses.flatMap { response in (0..<response.labels.count).map { noise(900 * response.index + $0) } }
    }

    private func outcome(
        _ model: TinyModel,
        _ rows: [PackedSequence],
        _ computation: TinyModel.Computation
    ) throws -> Outcome {
        let found = try model.gradient(rows, coefficients: rows.map(coefficients), computation)
        var outcome = Outcome(gradient: found.gradient)
        for (row, logps) in zip(rows, found.logps) {
            for response in row.responses {
                outcome.logps[response.index] = row.responseLabels[response.labels].map { logps[Int($0)] }
            }
        }
        return outcome
    }

    @Test(
        "log-probabilities and gradients are those of plain sequences, in every setting",
        arguments: TinyArchitecture.all
    )
    func samePass(tiny: TinyArchitecture) throws {
        let model = try TinyModel(tiny.model)
        let plain = try outcome(model, TinyData.related(.none, rowTokens: 500), .init())
        for (rowTokens, computation) in [
            (10_000, .init()), (10_000, .init(threads: 3, logitBytes: 1, recomputes: true)), (500, .init(threads: 2)),
        ] as [(Int, TinyModel.Computation)] {
            let rows = try TinyData.related(.any, rowTokens: rowTokens)
            let stems = rows.reduce(0) { $0 + $1.nodes.count - $1.trees.reduce(0) { $0 + $1.nodes.count } }
            #expect(rows.count == (rowTokens == 500 ? 2 : 1) && stems == (rowTokens == 500 ? 2 : 3))
            let found = try outcome(model, rows, computation)
            #expect(found.logps.count == 11 && found.logps.keys == plain.logps.keys)
            for (response, logps) in found.logps {
                let expected = try #require(plain.logps[response])
                #expect(logps.count == expected.count && zip(logps, expected).allSatisfy { abs($0 - $1) < 1e-4 })
            }
            for tensor in model.layout.tensors {
                let (a, b) = (found.gradient[tensor.range], plain.gradient[tensor.range])
                let error = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
                let size = b.reduce(0) { $0 + $1 * $1 }.squareRoot()
                #expect(error < 1e-5 * size, "\(tensor.name): \(error / size)")
            }
        }
    }
}
