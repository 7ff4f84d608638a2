internal import Formats

extension AdapterConfiguration {
    /// The error for targets that select no module.
    func noMatch(of selection: ModuleSelection, in modules: ModelModules) -> any Error {
        switch selection {
        case .pattern(let pattern):
            let named = modules.linear.first { $0.name.hasSuffix(".\(pattern)") }
            let example = (named ?? modules.linear.first)?.name ?? ""
            return error(
                "target_modules",
                " = \(pattern) is a regular expression that matches no whole name, such as \(example); to select "
                    + "modules by the ends of their names, write a list: [\(pattern)]; "
                    + modules.linearHint(nearest: pattern)
            )
        case .names, .allLinear:
            var name = selection.text
            if case .names(let names) = selection { name = names.first ?? name }
            return error(
                "target_modules",
                " = \(name) is the name of no module of this \(modules.modelType)\(layersHint); "
                    + modules.linearHint(nearest: name)
            )
        }
    }

    private var layersHint: String {
        layers.map { " in layers_to_transform = \($0.map(String.init).joined(separator: ", "))" } ?? ""
    }

    /// The error for a target that has no matrix, or is embedding or head.
    func wrongMatch(_ name: String, of selection: ModuleSelection, in modules: ModelModules) -> any Error {
        let last = name.split(separator: ".").last.map(String.init) ?? name
        guard modules.vocabulary.contains(where: { $0.name == name }) else {
            return error(
                "target_modules",
                " = \(selection.text) selects \(name), which is no linear layer; "
                    + "linear layers: " + modules.linearNames.joined(separator: ", ")
            )
        }
        return error(
            "target_modules",
            " = \(selection.text) selects \(name), for which low-rank matrices are not supported; to train it whole, "
                + "move it to \(self.name("modules_to_save")): [\(last)]"
        )
    }

    /// The error for targets that are all excluded.
    func nothingLeft(of selection: ModuleSelection) -> any Error {
        error("exclude_modules", " leaves no module of target_modules = \(selection.text); exclude fewer modules")
    }

    /// The error for copies of a model whose head is its embedding, which PEFT would untie.
    func tied(_ copies: Set<Module>, _ modules: ModelModules) -> any Error {
        let names = copies.map { modules.names.lastName(of: $0) }.sorted().joined(separator: ", ")
        return error(
            "modules_to_save",
            " = \(names) of a model with tie_word_embeddings would untie embedding and head; set "
                + "ensure_weight_tying to "
                + "true to train one copy for both, or merge the adapter with PEFT (merge_and_unload), "
                + "which unties them"
        )
    }
}

extension ModelModules {
    /// The nearest name of a linear layer, and all of them.
    func linearHint(nearest name: String) -> String {
        let candidates = name.contains(".") ? linear.map(\.name) : linearNames
        let hint = nearest(to: name, among: candidates).map { "the nearest is \($0); " } ?? ""
        return hint + "linear layers: " + linearNames.joined(separator: ", ")
    }

    private func nearest(to word: String, among candidates: [String]) -> String? {
        Formats.nearest(to: word, among: candidates)
    }
}
