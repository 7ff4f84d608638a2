internal import Formats

/// What is trained in place of a model's own weights, under TRL's and PEFT's names: a new low-rank adapter, or a stored one.
package struct AdapterSettings: Codable, Sendable, Equatable {
    /// Whether an adapter is trained; nil: if any of its settings is given.
    package var usePEFT: Bool?
    /// The directory of the adapter that a command applies, and from which training starts; nil for none.
    package var adapter: String?
    /// `r` of a new adapter.
    package var rank: Int?
    /// `lora_alpha` of a new adapter; its products are scaled by `alpha / r`.
    package var alpha: Double?
    /// `lora_dropout`, which is recorded and not applied, as in TRL's DPO.
    package var dropout: Double?
    /// Names of modules, or `all-linear`; nil for PEFT's default of the model's family.
    package var targetModules: [String]?
    /// Names of modules that are trained as copies: the embedding or the head.
    package var modulesToSave: [String]?
    /// Whether the head and the embedding of a tied model are trained as one copy.
    package var ensureWeightTying: Bool?
    /// Whether products are scaled by `alpha / √r`.
    package var useRslora: Bool?
    /// Whether the norms of the weights' rows are trained too.
    package var useDora: Bool?
    /// The rank of modules by the end of their names, regular expressions.
    package var rankPattern: [String: Int]?
    /// The alpha of modules by the end of their names.
    package var alphaPattern: [String: Double]?

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case usePEFT = "use_peft"
        case adapter
        case rank = "lora_r"
        case alpha = "lora_alpha"
        case dropout = "lora_dropout"
        case targetModules = "lora_target_modules"
        case modulesToSave = "modules_to_save"
        case ensureWeightTying = "ensure_weight_tying"
        case useRslora = "use_rslora"
        case useDora = "use_dora"
        case rankPattern = "rank_pattern"
        case alphaPattern = "alpha_pattern"
    }

    /// TRL's defaults of a new adapter.
    package static let defaultRank = 16
    package static let defaultAlpha = 32.0
    /// The targets that stand for all linear modules but the head.
    package static let allLinear = "all-linear"

    /// No adapter.
    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        usePEFT = try values.decodeIfPresent(Bool.self, forKey: .usePEFT)
        adapter = try values.decodeIfPresent(String.self, forKey: .adapter)
        rank = try values.decodeIfPresent(Int.self, forKey: .rank)
        alpha = try values.decodeIfPresent(Double.self, forKey: .alpha)
        dropout = try values.decodeIfPresent(Double.self, forKey: .dropout)
        targetModules = try values.names(.targetModules)
        modulesToSave = try values.names(.modulesToSave)
        ensureWeightTying = try values.decodeIfPresent(Bool.self, forKey: .ensureWeightTying)
        useRslora = try values.decodeIfPresent(Bool.self, forKey: .useRslora)
        useDora = try values.decodeIfPresent(Bool.self, forKey: .useDora)
        rankPattern = try values.decodeIfPresent([String: Int].self, forKey: .rankPattern)
        alphaPattern = try values.decodeIfPresent([String: Double].self, forKey: .alphaPattern)
    }

    /// The first setting that belongs to a new adapter; nil if none is given.
    private var ofNewAdapter: CodingKeys? {
        let given: [(CodingKeys, Bool)] = [
            (.rank, rank != nil), (.alpha, alpha != nil), (.dropout, dropout != nil),
            (.targetModules, targetModules != nil), (.modulesToSave, modulesToSave != nil),
            (.ensureWeightTying, ensureWeightTying == true), (.useRslora, useRslora == true),
            (.useDora, useDora == true), (.rankPattern, rankPattern != nil),
            (.alphaPattern, alphaPattern != nil),
        ]
        return given.first { $0.1 }?.0
    }

    /// The stored adapter alone: what a command that does not train applies.
    package var storedOnly: AdapterSettings {
        var settings = AdapterSettings()
        settings.adapter = adapter
        return settings
    }

    /// Whether training starts a new adapter.
    package var isNew: Bool { adapter == nil && (usePEFT ?? (ofNewAdapter != nil)) }

    /// Whether weights of the model are not trained, but those of an adapter.
    package var isUsed: Bool { adapter != nil || isNew }

    /// The same settings with the values that omitted ones have, so that equal runs have equal settings.
    var completed: AdapterSettings {
        var settings = self
        settings.usePEFT = isNew
        settings.rank = rank ?? Self.defaultRank
        settings.alpha = alpha ?? Self.defaultAlpha
        settings.dropout = dropout ?? 0
        settings.ensureWeightTying = ensureWeightTying ?? false
        settings.useRslora = useRslora ?? false
        settings.useDora = useDora ?? false
        return settings
    }

    /// Checks that the settings do not contradict each other; their ranges depend on the model.
    ///
    /// - Throws: `TrainingError` for the first contradiction.
    package func validate() throws {
        if adapter == "" {
            throw TrainingError.invalid(
                key: CodingKeys.adapter.rawValue,
                expected: "the directory of an adapter",
                found: "nothing"
            )
        }
        guard let given = ofNewAdapter else {
            guard usePEFT == false, adapter != nil else { return }
            throw contradiction(.usePEFT, "true, or omitted with \(CodingKeys.adapter.rawValue)", "false")
        }
        if usePEFT == false {
            throw contradiction(given, "no setting of an adapter with use_peft: false", "one; remove it, or use_peft")
        }
        if adapter != nil {
            let expected =
                "no setting of a new adapter with \(CodingKeys.adapter.rawValue), whose own settings are used"
            throw contradiction(given, expected, "one; remove it, or \(CodingKeys.adapter.rawValue)")
        }
    }

    private func contradiction(_ key: CodingKeys, _ expected: String, _ found: String) -> TrainingError {
        .invalid(key: key.rawValue, expected: expected, found: found)
    }
}

extension KeyedDecodingContainer {
    /// A list of names, or a single one.
    fileprivate func names(_ key: Key) throws -> [String]? {
        if let name = try? decodeIfPresent(String.self, forKey: key) { return [name] }
        return try decodeIfPresent([String].self, forKey: key)
    }
}
