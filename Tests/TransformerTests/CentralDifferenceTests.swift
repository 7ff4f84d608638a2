internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// The hand-written backward passes against central differences of a plain float64 model.
struct CentralDifferenceTests {
    /// How the gradient of one model is computed.
    private typealias Setting = (sharing: Sharing, computation: TinyModel.Computation)

    private static let settings: [Setting] = [
        (.prefix, .init()),
        (.prefix, .init(threads: 3, recomputes: true)),
        (.prompt, .init(threads: 2, logitBytes: 1, recomputes: true)),
        (.none, .init(threads: 3, logitBytes: 1)),
    ]

    @Test("gradients follow central differences, weight by weight, in every setting", arguments: TinyArchitecture.all)
    func weights(tiny: TinyArchitecture) throws {
        let model = try TinyModel(tiny.model)
        let rows = try TinyData.rows(.prefix)
        let coefficients = rows.map(TinyData.coefficients)
        func loss(_ weights: [Double], _ rows: [PackedSequence]) -> Double {
            zip(rows, coefficients).reduce(0) { $0 + model.reference.loss($1.0, weights: weights, coefficients: $1.1) }
        }
        let weights = model.weights
        let directions = model.layout.tensors.flatMap { Direction.directions(in: $0, elements: 4) }
        // With h = 1e-5 the difference is accurate to some 1e-9; the gradients are float32 sums.
        let differences = directions.map { $0.difference(of: { loss($0, rows) }, at: weights) }
        #expect(differences.count >= 50)
        for (sharing, computation) in Self.settings {
            let rows = try TinyData.rows(sharing)
            #expect(TinyData.depth(of: rows[0]) == (sharing == .prefix ? 5 : sharing == .prompt ? 2 : 1))
            let found = try model.gradient(rows, coefficients: coefficients, computation)
            let value = zip(zip(rows, found.logps), coefficients).reduce(0) { $0 + sum($1.0.0, $1.0.1, $1.1) }
            #expect(abs(value - loss(weights, rows)) < 1e-4, "\(sharing), \(computation)")
            for (direction, difference) in zip(directions, differences) {
                let norm = norm(found.gradient[direction.tensor.range])
                #expect(
                    norm > 0 && abs(direction.product(found.gradient) - difference) < 1e-5 * norm,
                    "\(direction), \(sharing), \(computation)"
                )
            }
        }
    }

    @Test("the tiny models have every kind of tensor and branches, and windows that hide tokens")
    func coverage() throws {
        let tensors = try TinyArchitecture.all.flatMap { try TinyModel($0.model).layout.tensors }
        let modules = tensors.compactMap { tensor -> LayerModule? in
            guard case .layer(_, let module) = tensor.parameter.module else { return nil }
            return module
        }
        #expect(Set(modules) == Set(LayerModule.allCases))
        #expect(Set(TinyArchitecture.all.map { $0.model.branches }).count == 5)
        let rows = try TinyData.rows(.prefix)
        let deepest = Int(rows[0].positions.max()!)
        #expect(TinyArchitecture.all.count { $0.model.window ?? .max <= deepest } >= 6)
    }

    @Test(
        "gradients are right also for nodes of several tiles and blocks",
        arguments: [nil, 64, 300] as [Int?]
    )
    func long(window: Int?) throws {
        let row = try TinyData.long()
        let model = try TinyModel(
            .tiny(heads: 2, groups: 1, headWidth: 2).with {
                guard let window else { return }
                $0.window = window
                $0.layerKinds = [.init(isWindowed: true), .init(isWindowed: window == 64)]
                ($0.attention.scoreCap, $0.attention.scoreScale) = (2, 1.1)
            }
        )
        let coefficients = TinyData.coefficients(of: row)
        let found = try model.gradient([row], coefficients: [coefficients], .init(threads: 2)).gradient
        let weights = model.weights
        var compared = 0
        // A window changes what queries see: the tensors below it suffice.
        let tensors = model.layout.tensors.filter { tensor in
            let inputs: [Module] = [
                .layer(0, .query), .layer(0, .value), .layer(1, .query), .layer(1, .key), .embedding,
            ]
            return window == nil || inputs.contains(tensor.parameter.module)
        }
        for direction in tensors.map({ Direction.across($0) }) {
            let norm = norm(found[direction.tensor.range])
            let difference = direction.difference(
                of: { model.reference.loss(row, weights: $0, coefficients: coefficients) },
                at: weights
            )
            // Rotary angles are float32 here as in transformers: at position 500 accurate to 3e-5 rad.
            #expect(norm > 0 && abs(direction.product(found) - difference) < 1e-4 * norm, "\(direction)")
            compared += 1
        }
        #expect(compared == (window == nil ? 21 : 5) && row.tokens.count > 500)
    }

    /// The loss, from the log-probabilities of labels.
    private func sum(_ row: PackedSequence, _ logps: [Float], _ coefficients: [Double]) -> Double {
        zip(row.responseLabels, coefficients).reduce(0) { $0 + Double(logps[Int($1.0)]) * $1.1 }
    }

    private func norm(_ values: some Sequence<Double>) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
