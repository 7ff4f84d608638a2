internal import Formats
internal import SystemPackage

/// Collects errors about keys without which reading can continue.
final class ConfigurationProblems {
    var errors: [FormatError] = []
}

/// Reads the keys of a `config.json` and records them, so that a key that was not read is an error.
package struct ConfigurationReader {
    private let object: [String: JSONValue]
    /// The keys that are present with the value null.
    private let nulls: Set<String>
    private let path: FilePath
    /// The key of this nested object, with a dot; empty for the top level.
    private let prefix: String
    /// Where unsupported features are collected; nil to throw the first one.
    private let problems: ConfigurationProblems?
    private var read: Set<String> = []
    /// Settings that have no effect here, each as a sentence for the user.
    private(set) var remarks: [String] = []
    /// Whether the configuration states that the vocabulary projection is tied or not, in place of a default.
    var statesTies = false

    init(
        _ object: [String: JSONValue],
        path: FilePath,
        prefix: String = "",
        problems: ConfigurationProblems? = nil
    ) {
        (self.prefix, self.problems) = (prefix, problems)
        self.object = object.filter { $0.value != .null }
        nulls = Set(object.filter { $0.value == .null }.keys)
        self.path = path
    }

    // MARK: Values

    /// Whether the key is present and not null.
    func has(_ key: String) -> Bool { object[key] != nil }

    /// Whether the key is present with the value null, where that is not the same as absent.
    func isNull(_ key: String) -> Bool { nulls.contains(key) }

    /// A name, which must be one of the supported ones; the value of `standard` if it is absent.
    mutating func choice<Value>(_ key: String, of supported: [String: Value], default standard: Value) throws -> Value {
        guard let value = take(key) else {
            guard !isNull(key) else { throw violation("\(name(key)) is null; delete the key, or set it") }
            return standard
        }
        guard let choice = value.string.flatMap({ supported[$0] }) else {
            try refuse(unsupported(key, Self.text(value), supported.keys.sorted().joined(separator: ", ")))
            return standard
        }
        return choice
    }

    /// A string; nil if it is absent.
    mutating func string(_ key: String) throws -> String? {
        guard let value = take(key) else { return nil }
        guard let string = value.string else { throw unsupported(key, Self.text(value), "a name") }
        return string
    }

    /// A count or size of at most `limit`, so that a small file can neither exhaust memory nor overflow a product.
    mutating func size(
        _ key: String,
        from least: Int = 1,
        atMost limit: Int,
        default standard: Int? = nil
    ) throws -> Int {
        guard let value = take(key) else { return try absent(key, standard) }
        guard let size = value.wholeNumber, (least...limit).contains(size) else {
            throw unsupported(key, Self.text(value), "a whole number from \(least) to \(limit)")
        }
        return size
    }

    /// A number above 0 that is finite also as float32, to which some are rounded.
    mutating func number(_ key: String, default standard: Double? = nil) throws -> Double {
        try optionalNumber(key) ?? absent(key, standard)
    }

    /// A number above 0 that is finite also as float32; nil if it is absent or null.
    mutating func optionalNumber(_ key: String) throws -> Double? {
        guard let value = take(key) else { return nil }
        guard let number = value.double, Float(number).isFinite, Float(number) > 0 else {
            throw unsupported(key, Self.text(value), "a number above 0")
        }
        return number
    }

    /// As many numbers above 0 as `count`.
    mutating func numbers(_ key: String, count: Int) throws -> [Float] {
        guard let value = take(key) else { throw missing(key) }
        let numbers = (value.array ?? []).compactMap { $0.double.map(Float.init) }.filter { $0.isFinite && $0 > 0 }
        guard let values = value.array, numbers.count == values.count, numbers.count == count else {
            throw unsupported(key, Self.listText(value, count: count), "a list of \(count) numbers above 0")
        }
        return numbers
    }

    /// The elements of a list; nil if it is absent.
    ///
    /// - Parameter element: The value of an element; nil if it is not one of the supported ones, which `names` describes.
    mutating func list<Value>(_ key: String, of names: String, element: (JSONValue) -> Value?) throws -> [Value]? {
        guard let value = take(key) else { return nil }
        guard let values = value.array, case let elements = values.compactMap(element), elements.count == values.count
        else { throw unsupported(key, Self.text(value), "a list of \(names)") }
        return elements
    }

    /// A flag; with null it is false, as in Python, whatever the default of an absent key is.
    mutating func flag(_ key: String, default standard: Bool) throws -> Bool {
        guard let value = take(key) else { return isNull(key) ? false : standard }
        guard case .flag(let flag) = value else {
            try refuse(unsupported(key, Self.text(value), "true or false"))
            return standard
        }
        return flag
    }

    /// A reader of a nested object; nil if it is absent or empty.
    mutating func nested(_ key: String) throws -> ConfigurationReader? {
        guard let value = take(key) else { return nil }
        guard let settings = value.object else { throw unsupported(key, Self.text(value), "an object") }
        return settings.isEmpty
            ? nil : ConfigurationReader(settings, path: path, prefix: prefix + key + ".", problems: problems)
    }

    /// Whether two objects are equal.
    func isEqual(to other: ConfigurationReader) -> Bool { object == other.object }

    // MARK: Unsupported features

    /// Requires that a feature is absent.
    mutating func forbid(_ key: String) throws {
        guard let value = take(key) else { return }
        try refuse(unsupported(key, Self.text(value), "absent"))
    }

    /// Requires that a key without another supported value is absent or has one of these values.
    mutating func allow(_ key: String, only neutral: JSONValue...) throws {
        guard let value = take(key), !neutral.contains(where: { Self.isSame($0, value) }) else { return }
        try refuse(unsupported(key, Self.text(value), neutral.map(Self.text).joined(separator: ", ") + " or absent"))
    }

    /// Marks keys as read that have no effect in combination with the others.
    mutating func ignore(_ keys: [String]) { read.formUnion(keys) }

    /// A probability of dropout, which is not applied; remarked upon unless it is 0.
    mutating func dropout(_ key: String) throws {
        guard let value = take(key), value.double != 0 else { return }
        guard let rate = value.double, (0...1).contains(rate) else {
            return try refuse(unsupported(key, Self.text(value), "a number from 0 to 1"))
        }
        remarks.append("\(prefix)\(key) = \(Self.text(value)) is not applied: training and scoring use no dropout")
    }

    /// Skips `auto_map` if it names only classes that `transformers` itself has for the family and uses by default.
    mutating func skipOwnCode(of modelType: String) {
        guard let map = object["auto_map"]?.object else { return }
        let isOwn = map.allSatisfy { key, value in
            ["AutoTokenizer", "AutoProcessor"].contains(key) || value.string.map { OwnCode.has($0, modelType) } ?? false
        }
        guard isOwn else { return }
        read.insert("auto_map")
        remarks.append("\(prefix)auto_map is not applied, as in transformers without trust_remote_code")
    }

    /// Adds the remarks of a nested object.
    mutating func addRemarks(of nested: ConfigurationReader) { remarks += nested.remarks }

    /// Requires that no unread key could change the results of the model.
    ///
    /// - Parameter architecture: The architecture that was read; nil for a nested object, in which no key is harmless.
    func finish(_ architecture: Architecture? = nil) throws {
        for key in Set(object.keys).subtracting(read).sorted() {
            let value = object[key]!
            if let architecture, HarmlessKeys.changesNothing(key, value, in: architecture) { continue }
            let reason = "because it may change what the model computes; delete the key if it does not"
            try refuse(FormatError(path, "\(prefix)\(key) = \(Self.text(value)) is not supported, \(reason)"))
        }
        for key in nulls.intersection(HarmlessKeys.falseIfNull).sorted() {
            try refuse(
                FormatError(path, "\(prefix)\(key) = null is not supported, because it means false; delete the key")
            )
        }
    }

    /// Throws an error about a key without which reading can continue, or collects it.
    private func refuse(_ error: FormatError) throws {
        guard let problems else { throw error }
        problems.errors.append(error)
    }

    /// An error about a combination of keys.
    func violation(_ words: String) -> FormatError { FormatError(path, words) }

    /// An error about a missing key.
    func missing(_ key: String) -> FormatError { FormatError(path, "\(prefix)\(key) is missing") }

    /// A key and its value in messages, with a note if the key is absent.
    func described(_ key: String, _ value: some CustomStringConvertible) -> String {
        "\(prefix)\(key) (\(value)\(has(key) ? "" : ", the default"))"
    }

    func described(_ key: String, _ value: Double?) -> String { described(key, value.map { "\($0)" } ?? "absent") }

    /// The name of a key in messages.
    func name(_ key: String) -> String { prefix + key }

    /// The default of an absent key; with null the key is refused, as by `transformers`.
    private func absent<Value>(_ key: String, _ standard: Value?) throws -> Value {
        guard let standard else { throw missing(key) }
        guard !isNull(key) else {
            throw violation("\(name(key)) is null; delete the key, which means \(standard), or set it")
        }
        return standard
    }

    /// The value of a key, which is read with it; nil if it is absent or null.
    mutating func take(_ key: String) -> JSONValue? {
        read.insert(key)
        return object[key]
    }

    private func unsupported(_ key: String, _ found: String, _ supported: String) -> FormatError {
        FormatError(path, "\(prefix)\(key) = \(found) is not supported; supported: \(supported)")
    }

    /// Whether values are equal; numbers also if they are written differently.
    private static func isSame(_ a: JSONValue, _ b: JSONValue) -> Bool {
        a == b || (a.double != nil && a.double == b.double)
    }

    /// A list by its length, or by its first element that is not a number above 0 if the length is `count`.
    private static func listText(_ value: JSONValue, count: Int) -> String {
        guard let values = value.array else { return text(value) }
        let wrong = values.first { !($0.double.map { Float($0).isFinite && Float($0) > 0 } ?? false) }
        guard values.count == count, let wrong else { return "a list of \(values.count)" }
        return "a list with \(text(wrong))"
    }

    /// A value as in the file, on one line; a string without its quotes.
    private static func text(_ value: JSONValue) -> String { value.string ?? value.line }
}

extension ConfigurationReader {
    /// A reader of no keys, in place of an absent object.
    init(none reader: ConfigurationReader) { self.init([:], path: reader.path, problems: reader.problems) }
}
