extension AdapterResolution {
    /// The modules that a selection matches.
    struct Matches {
        /// The linear layers.
        var targets: [ModelModules.Named] = []
        /// The names of other modules, which cannot have matrices.
        var refused: [String] = []
    }

    /// The modules that the targets select, without the excluded ones and those of other layers.
    ///
    /// As in PEFT: `modules_to_save` are excluded, and a name in full is not restricted to layers.
    static func matches(
        _ selection: ModuleSelection,
        _ configuration: AdapterConfiguration,
        _ modules: ModelModules
    ) throws -> Matches {
        let isSelected = try selection.matcher()
        let isExcluded = try configuration.excluded?.matcher()
        let layers = try LayerFilter(configuration)
        func isTarget(_ name: String) -> Bool {
            guard isExcluded?.match(name) == nil, let match = isSelected.match(name) else { return false }
            return match == .whole || layers.includes(name)
        }
        let targets = modules.linear.filter { isTarget($0.name) }
        guard selection != .allLinear else { return Matches(targets: targets) }
        let vocabulary = modules.vocabulary.map(\.name).filter { name in
            !configuration.savedModules.contains { name == $0 || name.hasSuffix(".\($0)") }
        }
        return Matches(targets: targets, refused: (vocabulary + modules.others).filter(isTarget))
    }

    /// The names of a list that select no linear layer.
    static func unmatched(_ selection: ModuleSelection, _ modules: ModelModules) -> [String] {
        guard case .names(let names) = selection else { return [] }
        let known = Set(modules.linear.flatMap { [$0.name] + ModulePattern.ends(of: $0.name) })
        let saved = Set(modules.vocabulary.flatMap { [$0.name] + ModulePattern.ends(of: $0.name) })
        return names.filter { !known.contains($0) && !saved.contains($0) }
    }
}

/// The restriction of targets to layers.
private struct LayerFilter {
    private let layers: Set<Int>?
    private let patterns: [ModulePattern]

    init(_ configuration: AdapterConfiguration) throws {
        layers = configuration.layers.map { Set($0) }
        let lists = configuration.layersPattern.map { "(?:^|.*?\\.)\($0)\\.(?<idx>\\d+)\\." }
        do {
            patterns = try (lists.isEmpty ? [".*?\\.[^.]*\\.(?<idx>\\d+)\\."] : lists).map { try ModulePattern($0) }
        } catch let fault as ModulePattern.Fault {
            throw configuration.error("layers_pattern", ": \(fault)")
        }
    }

    /// Whether the first pattern that matches a name captures the number of one of the layers.
    func includes(_ name: String) -> Bool {
        guard let layers else { return true }
        return patterns.lazy.compactMap { $0.index(in: name) }.first.map { layers.contains($0) } ?? false
    }
}

/// The values of `rank_pattern` or `alpha_pattern`, with compiled expressions.
struct PatternTable<Value: Sendable & Equatable> {
    private let key: String
    private let entries: [(text: String, pattern: ModulePattern, value: Value)]
    private let configuration: AdapterConfiguration

    init(_ key: String, _ entries: [AdapterConfiguration.Entry<Value>], _ configuration: AdapterConfiguration) throws {
        (self.key, self.configuration) = (key, configuration)
        self.entries = try entries.map { entry in
            do { return (entry.pattern, try ModulePattern.ending(in: entry.pattern), entry.value) } catch let fault
                as ModulePattern.Fault
            {
                throw configuration.error(key, ": \(fault)")
            }
        }
    }

    /// The value of the first entry that matches a name; nil if none does.
    ///
    /// - Throws: An error if the order decides: PEFT writes the keys sorted, and would load another adapter.
    func value(for name: String) throws -> Value? {
        let matching = entries.filter { $0.pattern.matches(name) }
        guard let first = matching.first, let sorted = matching.min(by: { $0.text < $1.text }) else { return nil }
        guard first.value == sorted.value else {
            throw configuration.error(
                key,
                ": \(first.text) and \(sorted.text) both match \(name), with \(first.value) and \(sorted.value); "
                    + "files have the keys sorted, so that their order is lost: make one of them more specific"
            )
        }
        return first.value
    }

    /// The keys that match none of the names.
    func unused(by names: [String]) -> [String] {
        entries.filter { entry in !names.contains { entry.pattern.matches($0) } }.map(\.text)
    }
}
