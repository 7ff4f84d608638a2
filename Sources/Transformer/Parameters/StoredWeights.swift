package import Compute
package import Formats

/// The correspondence of a model's files to the parameters of its architecture.
extension ParameterTable {
    /// Checks that the files hold every parameter with its shape, and no tensor of another model.
    ///
    /// - Throws: `FormatError` that names the tensor.
    package func check(_ files: ModelWeights) throws {
        try checkNames(files)
        try checkHead(files)
        // Before allocation, so that a wrong size in config.json allocates nothing.
        for parameter in parameters { try files.check(parameter.name, shape: parameter.shape) }
        try checkTiedHead(files)
    }

    /// Fills a buffer with the tensors of its layout, each in the type that the buffer stores it in.
    ///
    /// Numbers of a tensor that is stored in fewer bits than in the files are rounded once, to nearest, ties to even.
    ///
    /// - Parameter roundsVectors: Whether norms and biases of a buffer in 16 bits are rounded like its matrices.
    package func read(_ files: ModelWeights, into weights: ParameterBuffer, roundsVectors: Bool = false) throws {
        for tensor in weights.layout.tensors {
            let rounded = roundsVectors ? weights.halves?.columns(tensor.range) : nil
            switch rounded.map(StoredMatrix.half) ?? weights.stored(tensor) {
            case .float32(let matrix):
                try matrix.withMutableSpan { try files.read(tensor.name, shape: tensor.shape, into: &$0) }
            case .half(let matrix):
                let type = ElementType(matrix.type)
                try matrix.withMutableSpan { try files.read(tensor.name, shape: tensor.shape, as: type, into: &$0) }
            }
        }
        if roundsVectors { weights.widenVectors() }
    }

    /// The stored tensors that a trained model has unchanged: those that are not trained, sorted.
    package func copiedNames(of files: ModelWeights) -> [String] {
        let trained = Set(parameters.filter(\.isTrained).map(\.name))
        let tied = tiedHead(in: files)?.name
        return files.names.filter { !trained.contains($0) && $0 != tied }
    }

    /// A stored vocabulary projection that is tied to a trained embedding, and the name of that; nil if none is stored.
    package func tiedHead(in files: ModelWeights) -> (name: String, embedding: String)? {
        guard let name = tiedHeadName, files.names.contains(name),
            let embedding = parameters.first(where: { $0.module == .embedding }), embedding.isTrained
        else { return nil }
        return (name, embedding.name)
    }

    /// Refuses tensors that are not parameters of the architecture: a model computed without them would be another.
    func checkNames(_ files: ModelWeights) throws {
        let known = Set(parameters.map(\.name))
        let others = files.names.filter { name in
            !known.contains(name) && name != tiedHeadName && !Self.isRecomputed(name) && !family.isPassedThrough(name)
        }
        guard let first = others.first else { return }
        let more = others.count > 1 ? " and \(others.count - 1) more" : ""
        throw FormatError(
            files.directory,
            "holds tensor \(first)\(more), which the model that config.json describes does not have; \(remedy(others))"
        )
    }

    /// Buffers that old versions of `transformers` stored, and that are computed from the configuration.
    private static func isRecomputed(_ name: String) -> Bool {
        name.hasSuffix(".rotary_emb.inv_freq")
    }

    /// Prefixes that wrappers of a model in memory add to all names, each with what it says.
    private static let foreignPrefixes = [
        "_orig_mod.": "that of a compiled model: save the uncompiled model instead",
        "module.": "that of a data-parallel wrapper: save the model inside (model.module) instead",
    ]

    /// Prefixes of heads that are not of a language model.
    private static let otherHeads = ["score.", "classifier.", "qa_outputs.", "v_head.", "value_head."]

    private func remedy(_ names: [String]) -> String {
        let name = names.first { $0.contains("lora_") || $0.contains(".base_layer.") } ?? names[0]
        if name.contains("lora_") || name.contains(".base_layer.") {
            return "an adapter that is not merged: merge it into the model first (PEFT: merge_and_unload)"
        }
        if let (prefix, reason) = Self.foreignPrefixes.first(where: { name.hasPrefix($0.key) }) {
            return "the prefix \(prefix) is \(reason)"
        }
        if let head = names.first(where: { name in Self.otherHeads.contains { name.hasPrefix($0) } }) {
            return "\(head) is the head of a classifier or of a reward or value model, not of a causal language model: "
                + "name the language model that it was made from"
        }
        return "correct config.json, or remove the tensor if the model does not use it"
    }

    /// Refuses files of a model that was saved without its vocabulary projection, or whose tie the configuration denies.
    func checkHead(_ files: ModelWeights) throws {
        guard let head = untiedHead(missingIn: files) else { return }
        throw FormatError(
            files.directory,
            "the model has no tensor \(head.name): it was saved without its head, or its head is tied; save it with its "
                + "head (AutoModelForCausalLM in transformers), or set tie_word_embeddings to true if the model ties them"
        )
    }

    /// The vocabulary projection, if it is a tensor of its own that the files lack, although they have the embedding.
    func untiedHead(missingIn files: ModelWeights) -> Parameter? {
        guard let head = parameters.first(where: { $0.module == .head }), !files.names.contains(head.name),
            let embedding = parameters.first(where: { $0.module == .embedding }), files.names.contains(embedding.name)
        else { return nil }
        return head
    }

    /// The name that a tied vocabulary projection would have in files; nil if it is untied.
    private var tiedHeadName: String? {
        parameters.contains { $0.module == .head } ? nil : "\(naming.name(of: .head, in: family)).weight"
    }

    /// Refuses a stored projection that differs from the embedding that it is tied to: `transformers` would use it.
    func checkTiedHead(_ files: ModelWeights) throws {
        guard let name = tiedHeadName, files.names.contains(name),
            let embedding = parameters.first(where: { $0.module == .embedding })
        else { return }
        guard try !files.areIdentical(name, embedding.name) else { return }
        throw FormatError(
            files.directory,
            "tensor \(name) differs from \(embedding.name), to which config.json ties it; set tie_word_embeddings to "
                + "false, or remove the tensor"
        )
    }
}

extension ParameterLayout {
    /// The 16-bit type in which the files store every matrix and embedding of this layout; nil if they store any in
    /// float32, or in different types.
    ///
    /// - Parameter includingVectors: Whether norms and biases must have the type too.
    package func halfType(in files: ModelWeights, includingVectors: Bool = false) throws -> HalfType? {
        let considered = includingVectors ? tensors : tensors.filter(\.parameter.kind.isMatrix)
        let types = try considered.map { try files.info($0.name).info.elementType }
        guard let first = types.first, types.allSatisfy({ $0 == first }) else { return nil }
        return HalfType.allCases.first { ElementType($0) == first }
    }
}

extension ElementType {
    /// The type of stored tensors that have these numbers.
    package init(_ type: HalfType) {
        switch type {
        case .bfloat16: self = .bfloat16
        case .float16: self = .float16
        }
    }
}
