internal import Collectives
internal import Compute
package import Configuration
internal import Formats
package import SystemPackage
package import Transformer

/// The adapter that a policy trains or applies, with what it takes to write it.
package struct PolicyAdapter: Sendable {
    /// Where an adapter comes from.
    package enum Source: Sendable {
        /// A directory that PEFT or this program wrote.
        case directory(FilePath)
        /// A new one of these settings, which changes nothing at first.
        case new(AdapterConfiguration, seed: UInt64)
    }

    /// What `adapter_config.json` states.
    package let configuration: AdapterConfiguration
    /// The adapted modules.
    package let adapter: Adapter
    /// Whether it starts without an effect, so that the model without it is the reference.
    package let isNew: Bool

    /// The adapter of a model.
    ///
    /// - Throws: An error that names the setting or the file.
    package init(_ source: Source, of model: ModelDescription) throws {
        switch source {
        case .directory(let path):
            configuration = try AdapterConfiguration(directory: path)
            isNew = false
        case .new(let settings, _):
            configuration = settings
            isNew = true
        }
        adapter = try configuration.resolve(in: model)
    }

    /// The name of the file that states the configuration.
    var fileName: String { AdapterNames.configurationFile }

    /// The parameters of the model and of the adapter, which alone are trained.
    package func parameters(of model: ModelDescription) -> ParameterTable {
        let names = AdapterNames(model.family)
        return model.parameters.adapted(by: adapter, of: model.architecture) { module, part in
            names.tensorName(of: module, part)
        }
    }

    /// Fills the buffer of the adapter's tensors.
    ///
    /// - Parameter base: Buffers of the model's own weights.
    /// - Returns: Identifies the weights; nil for a new adapter, with which the model is the one without it.
    func read(
        _ source: Source,
        into weights: ParameterBuffer,
        base: [ParameterBuffer],
        of model: ModelDescription
    ) throws -> String? {
        switch source {
        case .new(_, let seed):
            try AdapterStart(seed: seed).fill(weights, base: base)
            return nil
        case .directory(let path):
            let files = try AdapterWeights(directory: path, adapter, of: model, base: configuration.base)
            for tensor in weights.layout.tensors {
                let (module, part) = (tensor.parameter.module, tensor.parameter.part)
                guard let stored = files.tensors.first(where: { $0.module == module && $0.part == part }) else {
                    preconditionFailure("checked tensors of an adapter")
                }
                try weights.elements(of: tensor).withMutableSpan { try files.read(stored, into: &$0) }
            }
            var digest = Digest()
            try MappedFile(files.path).withBytes { digest.update($0) }
            return digest.hexadecimal + "\n" + identity
        }
    }

    /// What the adapter computes, apart from its weights.
    private var identity: String {
        let modules = adapter.modules.map { "\($0) \($1.rank) \($1.scale)" }.sorted().joined(separator: "\n")
        return "\(modules)\n\(adapter.hasMagnitudes)"
    }
}

extension AdapterError: Refusal {
    package var isRefusal: Bool { true }
}

extension TrainingConfiguration {
    /// The adapter that is trained or applied; nil for none.
    package var adapterSource: PolicyAdapter.Source? {
        if let directory = adapter.adapter { return .directory(FilePath(directory)) }
        return adapter.isNew ? .new(adapter.configuration(base: model), seed: seed) : nil
    }
}

extension AdapterSettings {
    /// The settings of a new adapter as PEFT states them; targets are PEFT's default of the family unless they are given.
    fileprivate func configuration(base: String) -> AdapterConfiguration {
        var configuration = AdapterConfiguration()
        configuration.rank = rank ?? Self.defaultRank
        configuration.alpha = alpha ?? Self.defaultAlpha
        configuration.dropout = dropout ?? 0
        configuration.targets = targetModules.map { names in
            names.count == 1 && names[0] == Self.allLinear ? .allLinear : .names(names)
        }
        configuration.savedModules = modulesToSave ?? []
        configuration.ensuresTies = ensureWeightTying ?? false
        configuration.isRankStabilized = useRslora ?? false
        configuration.hasMagnitudes = useDora ?? false
        configuration.rankPattern = (rankPattern ?? [:]).sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
        configuration.alphaPattern = (alphaPattern ?? [:]).sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
        configuration.base = base
        return configuration
    }
}
