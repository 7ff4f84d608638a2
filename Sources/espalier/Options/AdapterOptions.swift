internal import ArgumentParser
internal import Configuration
internal import Reporting

/// The option of commands that apply a stored adapter.
struct StoredAdapterOptions: ParsableArguments {
    @Option(
        name: .long,
        help: "Directory of a LoRA adapter of the model, as PEFT or espalier writes it; train continues it."
    )
    var adapter: String?

    /// Overrides the settings of a file by the option given.
    func override(_ settings: inout AdapterSettings) { adapter.map { settings.adapter = $0 } }

    /// Removes the settings of a new adapter, which a file of a training run has, from those of a command that does not train.
    ///
    /// - Parameter isRoot: Whether to warn that a file names no stored adapter.
    func applyStored(_ settings: inout AdapterSettings, isRoot: Bool) {
        if settings.isNew, isRoot {
            printNotice(
                "warning: the settings of a new adapter have no effect here; pass --adapter DIR to apply a trained one"
            )
        }
        settings = settings.storedOnly
    }
}

/// The options of a new adapter, under TRL's names.
struct NewAdapterOptions: ParsableArguments {
    @Flag(name: .long, help: "Train a LoRA adapter in place of the model's weights (default: if --lora-… is given).")
    var usePeft = false

    @Option(name: .customLong("lora-r"), help: "Rank of the adapter's matrices (default 16).")
    var rank: Int?

    @Option(name: .customLong("lora-alpha"), help: "Numerator of the adapter's scale, alpha / r (default 32).")
    var alpha: Double?

    @Option(
        name: .customLong("lora-dropout"),
        help: "Recorded in adapter_config.json and not applied, as in TRL's DPO (default 0)."
    )
    var dropout: Double?

    @Option(
        name: .customLong("lora-target-modules"),
        parsing: .upToNextOption,
        help: "Adapted modules, as q_proj v_proj, or all-linear: all but the head (default: PEFT's of the family)."
    )
    var targetModules: [String] = []

    @Option(
        name: [.customLong("lora-modules-to-save"), .customLong("modules-to-save")],
        parsing: .upToNextOption,
        help: "Modules trained as whole copies: lm_head, embed_tokens (default none)."
    )
    var modulesToSave: [String] = []

    @Flag(name: .long, help: "Train the tied head and embedding as one copy, with --modules-to-save.")
    var ensureWeightTying = false

    @Flag(name: .customLong("use-rslora"), help: "Scale the adapter by alpha / √r.")
    var useRslora = false

    @Flag(name: .customLong("use-dora"), help: "Also train the norms of the rows of adapted weights (DoRA).")
    var useDora = false

    /// Overrides the settings of a file by the options given.
    func override(_ settings: inout AdapterSettings) {
        if usePeft { settings.usePEFT = true }
        rank.map { settings.rank = $0 }
        alpha.map { settings.alpha = $0 }
        dropout.map { settings.dropout = $0 }
        if !targetModules.isEmpty { settings.targetModules = names(targetModules) }
        if !modulesToSave.isEmpty { settings.modulesToSave = names(modulesToSave) }
        if ensureWeightTying { settings.ensureWeightTying = true }
        if useRslora { settings.useRslora = true }
        if useDora { settings.useDora = true }
    }

    /// Names that are separate arguments, or separated by commas.
    private func names(_ arguments: [String]) -> [String] {
        arguments.flatMap { $0.split(separator: ",").map(String.init) }
    }
}
