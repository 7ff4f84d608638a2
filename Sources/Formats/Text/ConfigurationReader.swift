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

    private let object: [String: JSONValue]
    private let path: FilePath
    /// The key of the object that this one lies in, with a point; empty for the outermost.
    private let prefix: String
    private var read: Set<String> = []

    init(_ object: [String: JSONValue], path: FilePath, prefix: String = "") {
        self.prefix = prefix
        self.object = object.filter { $0.value != .null }
        self.path = path
    }

    mutating func require(_ key: String, oneOf supported: [String]) throws {
        let value = take(key)
        guard let name = value?.string, supported.contains(name) else {
            throw unsupported(key, value.map(Self.text) ?? "nothing", supported.joined(separator: ", "))
        }
    }

    /// Demands that a feature is absent or switched off.
    mutating func forbid(_ key: String) throws {
        guard let value = take(key) else { return }
        throw unsupported(key, Self.text(value), "absent")
    }

    /// Demands that a feature is absent or `false`.
    mutating func forbidFlag(_ key: String) throws {
        guard let value = take(key), value != .flag(false) else { return }
        throw unsupported(key, Self.text(value), "false or absent")
    }

    /// Demands that a number is absent or that which changes nothing.
    mutating func forbid(_ key: String, unless neutral: Int) throws {
        guard let value = take(key), value.double != Double(neutral) else { return }
        throw unsupported(key, Self.text(value), "\(neutral) or absent")
    }

    /// A count or size of at most `limit`: a few bytes of text must not ask for all memory, nor overflow a product.
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

    /// A number that is above 0 and finite as float32 too, to which some are rounded.
    mutating func number(_ key: String, default standard: Double) throws -> Double {
        guard let value = take(key) else { return standard }
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

    /// The base of the rotary frequencies, where `transformers` of either age writes it; any scaling is refused.
    mutating func ropeTheta() throws -> Double {
        var theta = try number("rope_theta", default: 10_000)
        for key in ["rope_parameters", "rope_scaling"] {
            guard let value = take(key) else { continue }
            guard let settings = value.object else { throw unsupported(key, Self.text(value), "an object") }
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

    private mutating func take(_ key: String) -> JSONValue? {
        read.insert(key)
        return object[key]
    }

    private func unsupported(_ key: String, _ found: String, _ supported: String) -> FormatError {
        FormatError(path, "\(prefix)\(key) = \(found) is not supported; supported: \(supported)")
    }

    /// A value as the file has it, on one line; a string without its quotes.
    private static func text(_ value: JSONValue) -> String { value.string ?? value.line }
}
