extension AdapterConfiguration {
    /// The adapter of a model: its modules with rank and scale, and the modules that it trains as copies.
    ///
    /// Names match as in PEFT. A name that selects no module is refused in settings; in a file it has no effect, and
    /// `remarks(in:)` reports it.
    ///
    /// - Throws: `AdapterError`, or for a file `FormatError`, with the key, what was found, and the model's modules.
    package func resolve(in model: ModelDescription) throws -> Adapter {
        try validate()
        let resolution = try AdapterResolution(self, model)
        return Adapter(
            modules: try resolution.lowRanks(),
            hasMagnitudes: hasMagnitudes,
            copiedModules: try resolution.copiedModules()
        )
    }

    /// What has no effect in this model, each as a sentence for the user: settings, and names without modules.
    package func remarks(in model: ModelDescription) throws -> [String] {
        remarks + (try AdapterResolution(self, model).remarks)
    }
}

/// The selection of a model's modules by the names of a configuration.
struct AdapterResolution {
    let configuration: AdapterConfiguration
    let model: ModelDescription
    let modules: ModelModules
    /// The linear layers that have matrices.
    let targets: [ModelModules.Named]
    /// Names of `target_modules` that select no linear layer.
    let unmatched: [String]

    init(_ configuration: AdapterConfiguration, _ model: ModelDescription) throws {
        (self.configuration, self.model) = (configuration, model)
        let selection = try Self.selection(configuration, model)
        // An adapter of another version of transformers may have the names of that version.
        let spellings = AdapterNames.spellings(of: model.family).map { names in
            ModelModules(model.architecture, names, modelType: model.family.modelType)
        }
        let found = try spellings.lazy.map { ($0, try Self.matches(selection, configuration, $0)) }
            .first { !$0.1.targets.isEmpty || !$0.1.refused.isEmpty }
        guard let (modules, matches) = found else {
            throw try Self.noTarget(selection, configuration, spellings[0])
        }
        if let refused = matches.refused.first { throw configuration.wrongMatch(refused, of: selection, in: modules) }
        (self.modules, targets, unmatched) = (modules, matches.targets, Self.unmatched(selection, modules))
        if configuration.source == nil, let name = unmatched.first {
            throw configuration.noMatch(of: .names([name]), in: modules)
        }
        try Self.check(layers: configuration, model)
    }

    /// The error for a selection without modules, which may all be excluded.
    private static func noTarget(
        _ selection: ModuleSelection,
        _ configuration: AdapterConfiguration,
        _ modules: ModelModules
    ) throws -> any Error {
        var everywhere = configuration
        everywhere.excluded = nil
        let isExcluded = try !matches(selection, everywhere, modules).targets.isEmpty
        return isExcluded
            ? configuration.nothingLeft(of: selection) : configuration.noMatch(of: selection, in: modules)
    }

    /// Refuses layers that the model does not have, unless a file names them, where they have no effect.
    private static func check(layers configuration: AdapterConfiguration, _ model: ModelDescription) throws {
        let count = model.architecture.layerCount
        guard configuration.source == nil, let layer = configuration.layers?.first(where: { $0 >= count }) else {
            return
        }
        throw configuration.error(
            "layers_to_transform",
            " = \(layer) is no layer of the model, which has \(count): 0 to \(count - 1)"
        )
    }

    /// The selection of targets; without one, the family's default.
    private static func selection(
        _ configuration: AdapterConfiguration,
        _ model: ModelDescription
    ) throws -> ModuleSelection {
        if let targets = configuration.targets { return targets }
        guard let names = model.family.defaultTargets else {
            throw configuration.error(
                "target_modules",
                " is missing, and PEFT has no default for \(model.family.modelType); write all-linear, or names of "
                    + "modules"
            )
        }
        return .names(names)
    }

    // MARK: Low rank

    /// The rank and the scale of every target.
    func lowRanks() throws -> [Module: Adapter.LowRank] {
        let ranks = try PatternTable("rank_pattern", configuration.rankPattern, configuration)
        let alphas = try PatternTable("alpha_pattern", configuration.alphaPattern, configuration)
        var result: [Module: Adapter.LowRank] = [:]
        for target in targets {
            let rank = try ranks.value(for: target.name) ?? configuration.rank
            let alpha = try alphas.value(for: target.name) ?? configuration.alpha
            let divisor = configuration.isRankStabilized ? Double(rank).squareRoot() : Double(rank)
            result[target.module] = Adapter.LowRank(rank: rank, scale: Float(alpha / divisor))
        }
        guard configuration.source == nil else { return result }
        for (key, entries) in [
            ("rank_pattern", ranks.unused(by: targets.map(\.name))),
            ("alpha_pattern", alphas.unused(by: targets.map(\.name))),
        ] {
            guard let entry = entries.first else { continue }
            throw configuration.error(
                "\(key)[\(entry)]",
                " matches no adapted module; \(modules.hint(nearest: entry, among: targets.map(\.name), "adapted")); "
                    + "a key is a regular expression of the end of a name"
            )
        }
        return result
    }

    // MARK: Copies

    /// The embedding and head that are trained as copies.
    func copiedModules() throws -> Set<Module> {
        var copies: Set<Module> = []
        for name in configuration.savedModules {
            // Other versions of transformers name the head of a gpt_neox, and what a wrapper contains, differently.
            let spellings = [modules.names] + AdapterNames.spellings(of: model.family)
            let module = spellings.lazy.compactMap { names in
                ModelModules(model.architecture, names, modelType: "").vocabularyModule(named: name)
            }.first
            guard let module else {
                throw configuration.error(
                    "modules_to_save",
                    " = \(name) is not supported; supported for a \(modules.modelType): "
                        + modules.vocabularyNames.joined(separator: ", ")
                )
            }
            copies.insert(module)
        }
        guard model.architecture.tiesEmbeddings, !copies.isEmpty else { return copies }
        guard configuration.ensuresTies else { throw configuration.tied(copies, modules) }
        return [.embedding]
    }

    /// What has no effect.
    var remarks: [String] {
        var remarks = unmatched.map {
            "target_modules: \($0) is the name of no module of this \(modules.modelType), and is skipped"
        }
        if configuration.ensuresTies, !model.architecture.tiesEmbeddings {
            remarks.append("ensure_weight_tying = true has no effect: the model's head is not its embedding")
        }
        return remarks
    }
}
