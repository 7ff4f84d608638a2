internal import Preferences
internal import TestSupport
internal import Testing
internal import Transformer

/// Adapters of tiny models of every feature, against the models with the adapter merged, whose gradients central
/// differences confirm.
struct AdapterGradientTests {
    /// The ways in which the modules of a model are adapted.
    enum Kind: String, CaseIterable, Sendable {
        case all
        case someModules
        case upperLayer
        case magnitudes
        case someMagnitudes
        case copies

        func adapter(of model: Architecture) -> Adapter {
            let modules = (0..<model.layerCount).flatMap { layer in
                model.adaptableModules.map { Module.layer(layer, $0) }
            }
            let ranks = modules.enumerated().map {
                ($1, Adapter.LowRank(rank: 1 + $0 % 3, scale: 0.5 + 0.25 * Float($0 % 2)))
            }
            let isKept: (Int) -> Bool = { index in
                switch self {
                case .all, .magnitudes, .copies: return true
                case .someModules, .someMagnitudes: return index % 2 == 0
                case .upperLayer: return modules[index].layer == model.layerCount - 1
                }
            }
            let kept = ranks.enumerated().filter { isKept($0.offset) }.map(\.element)
            let copied: Set<Module> =
                self == .copies && !model.tiesEmbeddings ? [.head, .embedding] : []
            return Adapter(
                modules: Dictionary(uniqueKeysWithValues: kept),
                hasMagnitudes: self == .magnitudes || self == .someMagnitudes,
                copiedModules: copied
            )
        }
    }

    @Test(
        "an adapter's gradients and log-probabilities are those of the merged model",
        arguments: TinyArchitecture.all,
        Kind.allCases
    )
    func merged(tiny: TinyArchitecture, kind: Kind) throws {
        let model = try AdaptedTinyModel(tiny.model, kind.adapter(of: tiny.model))
        let rows = try TinyData.rows(.prefix)
        let coefficients = rows.map(TinyData.coefficients)
        let expected = try model.merged(rows, coefficients: coefficients)
        let settings: [TinyModel.Computation] = [
            .init(), .init(threads: 3, logitBytes: 1), .init(threads: 2, recomputes: true),
        ]
        for setting in settings {
            let found = try model.gradient(rows, coefficients: coefficients, setting)
            // Both sides round to float32, and one the merged weights too.
            #expect(difference(found.gradient, expected.gradient) < 5e-5, "\(setting)")
            let logps = (found.logps.joined().map(Double.init), expected.logps.joined().map(Double.init))
            #expect(difference(logps.0, logps.1) < 5e-6, "\(setting)")
            #expect(try model.logps(rows, setting) == found.logps)
        }
        #expect(expected.gradient.contains { $0 != 0 })
    }

    @Test("without its adapter, a model's log-probabilities are its own", arguments: TinyArchitecture.all)
    func base(tiny: TinyArchitecture) throws {
        let model = try AdaptedTinyModel(tiny.model, Kind.copies.adapter(of: tiny.model))
        let rows = try TinyData.rows(.prefix)
        #expect(try model.baseLogps(rows, .init()) == TinyModel(tiny.model).logps(rows, .init()))
        #expect(try model.logps(rows, .init()) != model.baseLogps(rows, .init()))
    }

    /// `‖found - expected‖ / ‖expected‖`.
    private func difference(_ found: [Double], _ expected: [Double]) -> Double {
        let squares = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (squares / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }
}
