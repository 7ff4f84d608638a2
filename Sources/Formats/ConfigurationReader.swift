internal import Foundation
internal import SystemPackage

/// Reads the keys of a `config.json` and remembers which, so that one that nobody read is an error.
struct ConfigurationReader {
    /// Keys that do not change what the model computes here.
    private static let harmless: Set<String> = [
        "_name_or_path", "architectures", "bos_token_id", "eos_token_id", "pad_token_id", "initializer_range",
        "torch_dtype", "dtype", "transformers_version", "use_cache", "is_llama_config", "transformers.js_config",
        "return_dict", "output_attentions", "output_hidden_states", "chunk_size_feed_forward", "id2label", "label2id",
        "problem_type", "_attn_implementation_autoset",
    ]

    private let object: [String: Any]
    private let path: FilePath
    /// The key of the object that this one lies in, with a point; empty for the outermost.
    private let prefix: String
    private var read: Set<String> = []

    init(_ object: [String: Any], path: FilePath, prefix: String = "") {
        self.prefix = prefix
        self.object = object.filter { !($0.value is NSNull) }
        self.path = path
    }

    mutating func require(_ key: String, oneOf supported: [String]) throws {
        let value = take(key)
        guard let value = value as? String, supported.contains(value) else {
            throw unsupported(key, value.map(Self.text) ?? "nothing", supported.joined(separator: ", "))
        }
    }

    /// Demands that a feature is absent, or has the value that switches it off.
    mutating func forbid(_ key: String, unless off: NSNumber? = nil) throws {
        guard let value = take(key) else { return }
        if let off, let number = value as? NSNumber, number == off { return }
        throw unsupported(key, Self.text(value), off.map { Self.text($0) + " or absent" } ?? "absent")
    }

    mutating func size(_ key: String, default standard: Int? = nil) throws -> Int {
        guard let value = take(key) else {
            guard let standard else { throw FormatError(path, "\(prefix)\(key) is missing") }
            return standard
        }
        guard let number = Self.number(value), let size = Int(exactly: number), size > 0, size < 1 << 31 else {
            throw unsupported(key, Self.text(value), "a whole number from 1 to 2^31 - 1")
        }
        return size
    }

    mutating func number(_ key: String, default standard: Double) throws -> Double {
        guard let value = take(key) else { return standard }
        guard let number = Self.number(value)?.doubleValue, number.isFinite, number > 0 else {
            throw unsupported(key, Self.text(value), "a number above 0")
        }
        return number
    }

    mutating func flag(_ key: String, default standard: Bool) throws -> Bool {
        guard let value = take(key) else { return standard }
        guard let flag = value as? NSNumber, Self.isFlag(flag) else {
            throw unsupported(key, Self.text(value), "true or false")
        }
        return flag.boolValue
    }

    /// The base of the rotary frequencies, where `transformers` of either age writes it; any scaling is refused.
    mutating func ropeTheta() throws -> Double {
        var theta = try number("rope_theta", default: 10_000)
        for key in ["rope_parameters", "rope_scaling"] {
            guard let value = take(key) else { continue }
            guard let settings = value as? [String: Any] else { throw unsupported(key, Self.text(value), "an object") }
            var inner = ConfigurationReader(settings, path: path, prefix: prefix + key + ".")
            for name in ["rope_type", "type"] where settings[name] != nil {
                try inner.require(name, oneOf: ["default"])
            }
            try inner.forbid("partial_rotary_factor", unless: 1)
            theta = try inner.number("rope_theta", default: theta)
            try inner.finish()
        }
        return theta
    }

    func finish() throws {
        let unknown = Set(object.keys).subtracting(read).subtracting(Self.harmless).sorted()
        guard let key = unknown.first else { return }
        throw FormatError(
            path,
            "\(prefix)\(key) = \(Self.text(object[key]!)) is not known, so it cannot be known to change nothing"
        )
    }

    private mutating func take(_ key: String) -> Any? {
        read.insert(key)
        return object[key]
    }

    private func unsupported(_ key: String, _ found: String, _ supported: String) -> FormatError {
        FormatError(path, "\(prefix)\(key) = \(found) is not supported; supported: \(supported)")
    }

    /// A number that is not `true` or `false`, which JSON's reader makes numbers too.
    private static func number(_ value: Any) -> NSNumber? {
        (value as? NSNumber).flatMap { isFlag($0) ? nil : $0 }
    }

    private static func isFlag(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

    /// A value as the file has it, on one line.
    private static func text(_ value: Any) -> String {
        if let number = value as? NSNumber, isFlag(number) { return number.boolValue ? "true" : "false" }
        guard value is [Any] || value is [String: Any] else { return "\(value)" }
        let json = try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
        return json.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
    }
}
