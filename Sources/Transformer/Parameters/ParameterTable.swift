/// All stored tensors of a model, each once, in the order in which the backward pass completes gradients.
///
/// The order is final norm, head, last layer … first layer, embedding. Within a layer each operation declares its
/// tensors; those that multiply the same input are adjacent, so that query, key and value are one product, and gate and
/// up another.
package struct ParameterTable: Sendable {
    /// The stored tensors.
    package let parameters: [Parameter]
    /// The family that names them in files.
    let family: any Family.Type
    /// How they are spelled there.
    let naming: Naming

    /// The tensors of a model of this architecture.
    ///
    /// - Parameters:
    ///   - family: The family that names the tensors in files.
    ///   - naming: How the names are spelled there; by default as the family writes them first.
    ///   - isTrained: Whether a module is trained. Modules that share a product (query, key and value; gate and up) are
    ///     trained together or not at all.
    package init(
        _ architecture: Architecture,
        family: any Family.Type,
        naming: Naming? = nil,
        isTrained: (Module) -> Bool = { _ in true }
    ) {
        let naming = naming ?? family.namings[0]
        (self.family, self.naming) = (family, naming)
        parameters = Self.declarations(of: architecture).map { module, declaration in
            Parameter(
                module: module,
                part: declaration.part,
                kind: declaration.kind,
                shape: declaration.shape,
                name: "\(naming.name(of: module, in: family)).\(declaration.part.rawValue)",
                isTrained: isTrained(module)
            )
        }
    }

    /// The tensors of this model and of an adapter of it, which alone are trained.
    ///
    /// - Parameter name: The name of an adapter's tensor in files.
    package func adapted(
        by adapter: Adapter,
        of architecture: Architecture,
        name: (Module, Parameter.Part) -> String
    ) -> ParameterTable {
        let frozen = parameters.map { $0.with(isTrained: false) }
        let added = adapter.declarations(of: architecture).map { module, declaration in
            Parameter(
                module: module,
                part: declaration.part,
                kind: declaration.kind,
                shape: declaration.shape,
                name: name(module, declaration.part),
                isTrained: true
            )
        }
        return ParameterTable(parameters: frozen + added, family: family, naming: naming)
    }

    private init(parameters: [Parameter], family: any Family.Type, naming: Naming) {
        (self.parameters, self.family, self.naming) = (parameters, family, naming)
    }

    /// The trained tensors, laid out in one buffer.
    package var trained: ParameterLayout { ParameterLayout(parameters.filter(\.isTrained)) }
    /// The tensors that are not trained, laid out in one buffer.
    package var frozen: ParameterLayout { ParameterLayout(parameters.filter { !$0.isTrained }) }

    static func declarations(of model: Architecture) -> [(Module, ParameterDeclaration)] {
        let vocabulary = ParameterDeclaration(kind: .embedding, shape: [model.vocabularySize, model.width])
        var declarations: [(Module, ParameterDeclaration)] =
            model.norm.declarations(shape: [model.width]).map { (.finalNorm, $0) }
        if !model.tiesEmbeddings { declarations.append((.head, vocabulary)) }
        for layer in (0..<model.layerCount).reversed() {
            declarations += Layer.declarations(of: model).map { (.layer(layer, $0), $1) }
        }
        return declarations + [(.embedding, vocabulary)]
    }
}

extension Architecture {
    /// The elements of all tensors of a model.
    package var parameterCount: Int { elementCount { _, _ in true } }

    /// The elements of all matrices and embeddings.
    package var matrixParameterCount: Int { elementCount { $1.isMatrix } }

    /// The elements of the matrices of all layers, each multiplied with every token.
    var bodyParameterCount: Int { elementCount { module, kind in module.layer != nil && kind == .matrix } }

    private func elementCount(_ isIncluded: (Module, Parameter.Kind) -> Bool) -> Int {
        ParameterTable.declarations(of: self).reduce(0) { sum, entry in
            isIncluded(entry.0, entry.1.kind) ? sum + entry.1.shape.reduce(1, *) : sum
        }
    }
}
