internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Configurations of published models, with what transformers makes of them; see `make_configurations.py`.
struct PublishedModelsTests {
    /// The models by name.
    static var models: [String: [String: JSONValue]] {
        get throws {
            let file = Places.repository.appending("Tests/Goldens/configurations.json")
            return try StrictJSON.object(in: file).compactMapValues(\.object)
        }
    }

    private func read(_ configuration: JSONValue?) throws -> ModelDescription {
        try Places.temporary { directory in
            try write(try #require(configuration).line, to: directory.appending("config.json"))
            return try ModelDescription(directory: directory)
        }
    }

    @Test("a published configuration is read as it is, with the published number of parameters")
    func counts() throws {
        let models = try Self.models
        #expect(models.count > 20)
        for (name, model) in models {
            let found = try read(model["config"]).architecture.parameterCount
            #expect(found == model["parameters"]?.wholeNumber, "\(name)")
        }
    }

    @Test("the forms of transformers 4 and 5 are the same architecture")
    func forms() throws {
        for (name, model) in try Self.models {
            let (older, newer) = (try read(model["config"]), try read(model["newer"]))
            #expect(older.architecture == newer.architecture, "\(name)")
            #expect(try older.architecture.canonicalForm == newer.architecture.canonicalForm, "\(name)")
        }
    }

    @Test("every family is among them")
    func coverage() throws {
        let types = Set(try Self.models.values.compactMap { $0["config"]?.object?["model_type"]?.string })
        #expect(types == Set(Families.all.map { $0.modelType }))
    }

    @Test("features that distinguish published models are recognized")
    func features() throws {
        func model(_ name: String) throws -> Architecture {
            try read(try #require(try Self.models[name])["config"]).architecture
        }
        let mistral = try model("Mistral-7B-v0.1")
        #expect(mistral.window == 4096 && mistral.windowedLayerCount == 32)
        #expect(try model("Mistral-7B-v0.3").window == nil)
        let gemma = try model("gemma-3-270m")
        #expect(gemma.window == 512 && gemma.windowedLayerCount == 15 && gemma.rotary.theta == 1_000_000)
        #expect(gemma.localRotary?.theta == 10_000 && gemma.kind(ofLayer: 5) == Architecture.LayerKind())
        #expect(try model("gemma-2-2b").windowedLayerCount == 13)
        let phi = try model("Phi-4-mini")
        #expect(phi.rotary.rotatedWidth == 96 && phi.longestPath == 4096 && phi.maxPositions == 131_072)
        #expect(phi.rotary.attentionFactor == Float(1.190_238_071_142_412_3))
        #expect(try model("Phi-3-mini-4k").longestPath == 4096)
        let smol = try model("SmolLM3-3B")
        #expect(smol.layerKinds.count { $0.positions == .none } == 9 && smol.kind(ofLayer: 3).positions == .none)
        let cohere = try model("c4ai-command-r7b-12-2024")
        #expect(cohere.layerKinds.count { $0.positions == .none } == 8 && cohere.windowedLayerCount == 24)
        #expect(try model("pythia-160m").rotary.rotatedWidth == 16)
        let olmo = try model("Olmo-3-7B")
        #expect(olmo.rotary.scaling != nil && olmo.localRotary?.scaling == nil && olmo.windowedLayerCount == 24)
        let description = try read(try #require(try Self.models["granite-3.0-2b"])["config"])
        let remark = "attention_dropout = 0.1 is not applied: training and scoring use no dropout"
        #expect(description.remarks == [remark])
    }
}
