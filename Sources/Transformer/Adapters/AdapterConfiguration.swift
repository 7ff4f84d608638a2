internal import Formats
package import SystemPackage

/// What PEFT's `LoraConfig` states about an adapter, by default with PEFT's values.
///
/// Read from a directory's `adapter_config.json`, or set for a new adapter; `resolve(in:)` gives a model's adapter.
package struct AdapterConfiguration: Sendable, Equatable {
    /// The value for modules whose name ends in a regular expression.
    package struct Entry<Value: Sendable & Equatable>: Sendable, Equatable {
        package var pattern: String
        package var value: Value

        package init(_ pattern: String, _ value: Value) { (self.pattern, self.value) = (pattern, value) }
    }

    /// `r`, from 1 to `maximumRank`.
    package var rank = 8
    /// `lora_alpha`, above 0.
    package var alpha = 8.0
    /// `lora_dropout`, from 0 to 1; kept for output and not applied, as TRL's DPO disables it.
    package var dropout = 0.0
    /// `target_modules`; nil for the family's default.
    package var targets: ModuleSelection?
    /// `exclude_modules`, names or a regular expression.
    package var excluded: ModuleSelection?
    /// `use_rslora`: a scale of `alpha / √r` in place of `alpha / r`.
    package var isRankStabilized = false
    /// `use_dora`.
    package var hasMagnitudes = false
    /// `rank_pattern`, in order: the first match decides.
    package var rankPattern: [Entry<Int>] = []
    /// `alpha_pattern`, in order: the first match decides.
    package var alphaPattern: [Entry<Double>] = []
    /// `modules_to_save`: names, or ends of names, of the embedding and the head.
    package var savedModules: [String] = []
    /// `layers_to_transform`; nil for all.
    package var layers: [Int]?
    /// `layers_pattern`: regular expressions of the names of the list of layers; empty for any.
    package var layersPattern: [String] = []
    /// `ensure_weight_tying`: of a model whose head is its embedding, one copy is trained for both.
    package var ensuresTies = false
    /// `base_model_name_or_path`, for information.
    package var base: String?
    /// `revision` of the base, for information.
    package var revision: String?

    /// What is not applied, each as a sentence for the user.
    package internal(set) var remarks: [String] = []
    /// The file that it was read from; nil for settings of a new adapter.
    package internal(set) var source: FilePath?

    /// The settings of a new adapter, with PEFT's defaults.
    package init() {}

    /// The largest rank, far above any that is low.
    package static let maximumRank = 1 << 16
}

extension AdapterConfiguration {
    /// Checks the values that do not depend on a model.
    ///
    /// - Throws: `AdapterError`, or for a file `FormatError`, for the first one that is out of range, or contradicts
    ///   another.
    package func validate() throws {
        try checkNumbers()
        for (key, selection) in [("target_modules", targets), ("exclude_modules", excluded)] {
            try check(key, selection)
        }
        guard excluded != .allLinear else {
            throw error("exclude_modules", " = all-linear would leave no module; name the modules to exclude")
        }
        try checkLayers()
    }

    private func checkNumbers() throws {
        for (key, rank) in [("r", rank)] + rankPattern.map({ ("rank_pattern[\($0.pattern)]", $0.value) }) {
            guard (1...Self.maximumRank).contains(rank) else {
                throw error(key, " = \(rank) is not supported; supported: a whole number from 1 to \(Self.maximumRank)")
            }
        }
        for (key, alpha) in [("lora_alpha", alpha)]
            + alphaPattern.map({ ("alpha_pattern[\($0.pattern)]", $0.value) })
        {
            guard Float(alpha).isFinite, Float(alpha) > 0 else {
                throw error(key, " = \(Self.text(alpha)) is not supported; supported: a number above 0")
            }
        }
        guard (0...1).contains(dropout) else {
            throw error("lora_dropout", " = \(Self.text(dropout)) is not supported; supported: a number from 0 to 1")
        }
    }

    private func check(_ key: String, _ selection: ModuleSelection?) throws {
        guard let selection else { return }
        if case .names(let names) = selection, names.isEmpty || names.contains("") {
            guard key == "target_modules" else { return }
            throw error(key, " = \(selection.text) selects no module; write all-linear, or names of modules")
        }
        do { _ = try selection.matcher() } catch let fault as ModulePattern.Fault { throw error(key, " = \(fault)") }
    }

    private func checkLayers() throws {
        if !layersPattern.isEmpty, layers == nil {
            throw error(
                "layers_pattern",
                " is set without layers_to_transform, which it belongs to; set both or neither"
            )
        }
        guard let layers else { return }
        if let layer = layers.first(where: { $0 < 0 }) {
            throw error("layers_to_transform", " = \(layer) is not supported; supported: numbers of layers from 0")
        }
        guard case .names? = targets ?? .names([]) else {
            throw error(
                "layers_to_transform",
                " requires target_modules as a list of names, found \(targets?.text ?? ""); write a list"
            )
        }
    }

    /// A number as in JSON: whole numbers without a fraction.
    static func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}
