internal import Formats
internal import Foundation
package import SystemPackage

extension AdapterConfiguration {
    /// Reads `adapter_config.json` of an adapter's directory.
    ///
    /// Strict: a key whose value could change what the adapter computes is read, or refused by name.
    ///
    /// - Throws: `FormatError` with the key, the found and the supported values.
    package init(directory: FilePath) throws {
        let path = try Self.file(in: directory)
        let object = try StrictJSON.object(in: path)
        var reader = ConfigurationReader(object, path: path)
        try AdapterKeys.check(&reader, path)
        self.init()
        source = path
        try readNumbers(&reader)
        try readModules(object, &reader)
        base = try reader.string("base_model_name_or_path")
        revision = try reader.string("revision")
        try reader.finish()
        remarks = reader.remarks
        try validate()
    }

    private static func file(in directory: FilePath) throws -> FilePath {
        let path = directory.appending(AdapterNames.configurationFile)
        guard !FileManager.default.fileExists(atPath: path.string) else { return path }
        let isModel = FileManager.default.fileExists(atPath: directory.appending("config.json").string)
        let found = isModel ? "a model (config.json)" : "no adapter_config.json"
        throw FormatError(
            directory,
            "expected the directory of an adapter that PEFT or espalier wrote, found \(found); "
                + "name the directory that contains adapter_config.json"
        )
    }

    private mutating func readNumbers(_ reader: inout ConfigurationReader) throws {
        rank = try reader.size("r", atMost: Self.maximumRank, default: rank)
        alpha = try reader.number("lora_alpha", default: alpha)
        isRankStabilized = try reader.flag("use_rslora", default: false)
        hasMagnitudes = try reader.flag("use_dora", default: false)
        ensuresTies = try reader.flag("ensure_weight_tying", default: false)
        if let found = try reader.fraction("lora_dropout") { dropout = found }
        try reader.dropout("lora_dropout")
        for pattern in try patterns("rank_pattern", &reader) {
            guard let value = pattern.value.wholeNumber else { throw wrong(pattern, "rank_pattern", "a whole number") }
            rankPattern.append(Entry(pattern.name, value))
        }
        for pattern in try patterns("alpha_pattern", &reader) {
            guard let value = pattern.value.double else { throw wrong(pattern, "alpha_pattern", "a number") }
            alphaPattern.append(Entry(pattern.name, value))
        }
    }

    private mutating func readModules(_ object: [String: JSONValue], _ reader: inout ConfigurationReader) throws {
        targets = try selection("target_modules", object)
        excluded = try selection("exclude_modules", object)
        if excluded == .names([]) { excluded = nil }
        reader.ignore(["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"])
        savedModules = try reader.list("modules_to_save", of: "names of modules") { $0.string } ?? []
        layersPattern = try strings("layers_pattern", object) ?? []
        guard let value = object["layers_to_transform"], value != .null, value != .array([]) else { return }
        let numbers = (value.array ?? [value]).compactMap(\.wholeNumber)
        guard numbers.count == value.array?.count ?? 1 else {
            throw error("layers_to_transform", " = \(value.line) is not supported; supported: numbers of layers from 0")
        }
        layers = numbers
    }

    /// A list of names, or a string.
    private func selection(_ key: String, _ object: [String: JSONValue]) throws -> ModuleSelection? {
        if let text = object[key]?.string { return text.isEmpty ? nil : ModuleSelection(text) }
        return try strings(key, object).map { .names($0) }
    }

    /// A list of strings, or one of them; nil if it is absent or null.
    private func strings(_ key: String, _ object: [String: JSONValue]) throws -> [String]? {
        guard let value = object[key], value != .null else { return nil }
        if let text = value.string { return text.isEmpty ? [] : [text] }
        guard let values = value.array, case let names = values.compactMap(\.string), names.count == values.count else {
            throw error(key, " = \(value.line) is not supported; supported: a list of names, or a string")
        }
        return names
    }

    /// The members of an object of patterns, in the order of the text.
    private func patterns(
        _ key: String,
        _ reader: inout ConfigurationReader
    ) throws -> [(name: String, value: JSONValue)] {
        guard let source, let object = try reader.object(key) else { return [] }
        return try StrictJSON.names(in: source, of: key).map { ($0, object[$0] ?? .null) }
    }

    private func wrong(_ pattern: (name: String, value: JSONValue), _ key: String, _ expected: String) -> any Error {
        error(key, "[\(pattern.name)] = \(pattern.value.line) is not supported; supported: \(expected)")
    }
}
