extension Adapter {
    /// The tensors of the adapter, in the order in which the backward pass completes their gradients.
    ///
    /// Within a layer, the matrices `A` of modules with the same input are adjacent, so that they are one product.
    func declarations(of model: Architecture) -> [(Module, ParameterDeclaration)] {
        let vocabulary = ParameterDeclaration(
            part: .copy,
            kind: .embedding,
            shape: [model.vocabularySize, model.width]
        )
        let head = copiedModules.contains(.head) ? [(Module.head, vocabulary)] : []
        let embedding = copiedModules.contains(.embedding) ? [(Module.embedding, vocabulary)] : []
        let layers = (0..<model.layerCount).reversed().flatMap { layer in
            model.productModules.flatMap { declarations($0.map { .layer(layer, $0) }, model) }
        }
        return head + layers + embedding
    }

    /// The elements of all its tensors.
    package func parameterCount(of model: Architecture) -> Int {
        declarations(of: model).reduce(0) { $0 + $1.1.shape.reduce(1, *) }
    }

    /// The elements of the matrices `A` and `B` of all layers, or of some modules in them.
    func matrixParameterCount(of model: Architecture, where isIncluded: (Module) -> Bool = { _ in true }) -> Int {
        declarations(of: model).reduce(0) { sum, entry in
            let isCounted = [.loraA, .loraB].contains(entry.1.part) && isIncluded(entry.0)
            return isCounted ? sum + entry.1.shape.reduce(1, *) : sum
        }
    }

    /// The factors that magnitudes give the rows of adapted weights: computed, neither trained nor stored.
    package func gains(of model: Architecture) -> ParameterLayout {
        let magnitudes = declarations(of: model).filter { $0.1.part == .loraMagnitude }
        return ParameterLayout(
            magnitudes.map { module, declaration in
                Parameter(
                    module: module,
                    part: .loraGain,
                    kind: .magnitude,
                    shape: declaration.shape,
                    name: "gain \(module)",
                    isTrained: false
                )
            }
        )
    }

    private func declarations(_ product: [Module], _ model: Architecture) -> [(Module, ParameterDeclaration)] {
        let adapted = product.compactMap { module in modules[module].map { (module, $0.rank, model.shape(of: module)) }
        }
        return adapted.map { module, rank, shape in
            (module, ParameterDeclaration(part: .loraA, kind: .lowRankInput, shape: [rank, shape.inputs]))
        }
            + adapted.map { module, rank, shape in
                (module, ParameterDeclaration(part: .loraB, kind: .lowRankOutput, shape: [shape.outputs, rank]))
            }
            + (hasMagnitudes ? adapted : []).map { module, _, shape in
                (module, ParameterDeclaration(part: .loraMagnitude, kind: .magnitude, shape: [shape.outputs]))
            }
    }
}

extension Architecture {
    /// The modules of each product of a layer, which multiply the same input.
    var productModules: [[LayerModule]] {
        [[.down], feedForward.inputModules, [.output], attention.inputModules]
    }

    /// The modules of a layer that an adapter can change: those with a matrix.
    package var adaptableModules: [LayerModule] { productModules.flatMap(\.self) }

    /// The numbers of outputs and inputs of a module with a matrix, in a layer.
    func shape(of module: Module) -> (outputs: Int, inputs: Int) {
        guard case .layer(_, let part) = module else { return (vocabularySize, width) }
        let declared = attention.declarations(outer: width, norm: norm) + feedForward.declarations(outer: width)
        guard let matrix = declared.first(where: { $0.0 == part && $0.1.part == .weight }) else {
            preconditionFailure("a module of the architecture")
        }
        return (matrix.1.shape[0], matrix.1.shape[1])
    }
}
