internal import TestSupport
internal import Testing
internal import Transformer

/// The text that identifies an architecture in digests.
struct CanonicalFormTests {
    @Test("the form of a plain Llama is fixed, since existing caches and checkpoints depend on it")
    func plain() throws {
        let model = try ModelDescription(directory: Golden.tied.directory).architecture
        let expected =
            #"espalier-architecture 1 {"attention":{"headWidth":8,"heads":6,"keyValueHeads":2},"#
            + #""feedForward":{"width":88},"layerCount":3,"maxPositions":512,"norm":{"epsilon":1e-05},"#
            + #""rotary":{"theta":10000},"tiesEmbeddings":true,"vocabularySize":131,"width":48}"#
        #expect(try model.canonicalForm == expected)
    }

    @Test("every field distinguishes architectures, and a disabled feature does not occur")
    func fields() throws {
        let model = try ModelDescription(directory: Golden.freeHead.directory).architecture
        let changes: [(inout Architecture) -> Void] = [
            { $0.vocabularySize += 1 }, { $0.width += 1 }, { $0.layerCount += 1 }, { $0.maxPositions += 1 },
            { $0.norm.epsilon *= 2 }, { $0.attention.heads *= 2 }, { $0.attention.keyValueHeads = 1 },
            { $0.attention.headWidth += 2 }, { $0.feedForward.width += 1 }, { $0.rotary.theta *= 2 },
            { $0.tiesEmbeddings.toggle() },
        ]
        let forms = try changes.map { change in
            var changed = model
            change(&changed)
            return try changed.canonicalForm
        }
        #expect(Set(forms + [try model.canonicalForm]).count == changes.count + 1)
        #expect(try !model.canonicalForm.contains("false") && !model.canonicalForm.contains("tiesEmbeddings"))
    }
}
