internal import Formats
internal import SystemPackage

/// Reads the keys of a `config.json` and records them, so that a key that was not read is an error.
package struct ConfigurationReader {
    private let object: [String: JSONValue]
    private let path: FilePath
    /// The key of this nested object, with a dot; empty for the top level.
    private let prefix: String
    private var read: Set<String> = []

    init(_ object: [String: JSONValue], path: FilePath, prefix: String = "") {
        self.prefix = prefix
        self.object = object.filter { $0.value != .null }
        self.path = path
    }

    // MARK: Values

    /// Whether the key is present and not null.
    func has(_ key: String) -> Bool { object[key] != nil }

    /// Whether the key holds an object that is not empty.
    func isFilled(_ key: String) -> Bool { object[key]?.object?.isEmpty == false }

    /// A name, which must be one of the supported ones.
    @discardableResult
    mutating func require(_ key: String, oneOf supported: [String]) throws -> String {
        let value = take(key)
        guard let name = value?.string, supported.contains(name) else {
            throw unsupported(key, value.map(Self.text) ?? "nothing", supported.joined(separator: ", "))
        }
        return name
    }

    /// A count or size of at most `limit`, so that a small file can neither exhaust memory nor overflow a product.
    mutating func size(_ key: String, atMost limit: Int, default standard: Int? = nil) throws -> Int {
        guard let value = take(key) else {
            guard let standard else { throw FormatError(path, "\(prefix)\(key) is missing") }
            return standard
        }
        guard let size = value.wholeNumber, (1...limit).contains(size) else {
            throw unsupported(key, Self.text(value), "a whole number from 1 to \(limit)")
        }
        return size
    }

    /// A number above 0 that is finite also as float32, to which some are rounded.
    mutating func number(_ key: String, default standard: Double? = nil) throws -> Double {
        guard let value = take(key) else {
            guard let standard else { throw FormatError(path, "\(prefix)\(key) is missing") }
            return standard
        }
        guard let number = value.double, Float(number).isFinite, Float(number) > 0 else {
            throw unsupported(key, Self.text(value), "a number above 0")
        }
        return number
    }

    mutating func flag(_ key: String, default standard: Bool) throws -> Bool {
        guard let value = take(key) else { return standard }
        guard case .flag(let flag) = value else { throw unsupported(key, Self.text(value), "true or false") }
        return flag
    }

    /// A reader of a nested object; nil if it is absent.
    mutating func nested(_ key: String) throws -> ConfigurationReader? {
        guard let value = take(key) else { return nil }
        guard let settings = value.object else { throw unsupported(key, Self.text(value), "an object") }
        return ConfigurationReader(settings, path: path, prefix: prefix + key + ".")
    }

    // MARK: Unsupported features

    /// Requires that a feature is absent.
    mutating func forbid(_ key: String) throws {
        guard let value = take(key) else { return }
        throw unsupported(key, Self.text(value), "absent")
    }

    /// Requires that a feature is absent or `false`.
    mutating func forbidFlag(_ key: String) throws {
        guard let value = take(key), value != .flag(false) else { return }
        throw unsupported(key, Self.text(value), "false or absent")
    }

    /// Requires that a number is absent or has the neutral value.
    mutating func forbid(_ key: String, unless neutral: Int) throws {
        guard let value = take(key), value.double != Double(neutral) else { return }
        throw unsupported(key, Self.text(value), "\(neutral) or absent")
    }

    /// Marks keys as read that have no effect in combination with the others.
    mutating func ignore(_ keys: [String]) { read.formUnion(keys) }

    /// Requires that no unread key could change the results of the model.
    ///
    /// - Parameter architecture: The architecture that was read; nil for a nested object, in which no key is harmless.
    func finish(_ architecture: Architecture? = nil) throws {
        for key in Set(object.keys).subtracting(read).sorted() {
            let value = object[key]!
            if let architecture, HarmlessKeys.changesNothing(key, value, in: architecture) { continue }
            throw FormatError(
                path,
                "\(prefix)\(key) = \(Self.text(value)) is not supported, because it may change what the model computes; "
                    + "delete the key if it does not"
            )
        }
    }

    /// An error about a combination of keys.
    func violation(_ words: String) -> FormatError { FormatError(path, words) }

    private mutating func take(_ key: String) -> JSONValue? {
        read.insert(key)
        return object[key]
    }

    private func unsupported(_ key: String, _ found: String, _ supported: String) -> FormatError {
        FormatError(path, "\(prefix)\(key) = \(found) is not supported; supported: \(supported)")
    }

    /// A value as in the file, on one line; a string without its quotes.
    private static func text(_ value: JSONValue) -> String { value.string ?? value.line }
}
