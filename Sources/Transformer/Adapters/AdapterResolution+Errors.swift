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
                " = \(name) is the name of no module of this \(modules.modelType)\(layersHint); \(keywordHint(name))"
                    + modules.linearHint(nearest: name)
            )
        }
    }

    /// A hint for a spelling of the word for all linear layers, or a regular expression among names.
    private func keywordHint(_ name: String) -> String {
        let keyword = ModuleSelection.allLinearName
        if name.lowercased().replacing("_", with: "-") == keyword { return "did you mean \(keyword)? " }
        let isExpression = name.contains { "*+?[](){}|^$\\".contains($0) }
        return isExpression ? "regular expressions are read from adapter_config.json only; " : ""
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
                + (modules.isTied
                    ? ", with \(self.name("ensure_weight_tying")), since head and embedding are tied" : "")
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
        hint(nearest: name, among: linear.map(\.name), "linear layers")
    }

    /// The nearest of these names, or of their ends, and all ends.
    func hint(nearest name: String, among names: [String], _ what: String) -> String {
        let ends = Set(names.map { $0.split(separator: ".").last.map(String.init) ?? $0 }).sorted()
        let hint = nearest(to: name, among: name.contains(".") ? names : ends).map { "the nearest is \($0); " } ?? ""
        return hint + "\(what): " + ends.joined(separator: ", ")
    }

    private func nearest(to word: String, among candidates: [String]) -> String? {
        Formats.nearest(to: word, among: candidates)
    }
}
