internal import Formats

/// The division of a normalized text into words, each of which is encoded separately.
struct PreTokenizer: Sendable {
    private enum Step: Sendable {
        case split(Splitting)
        case byteLevel(addsSpace: Bool, Splitting?)
        case metaspace(Metaspace)
    }

    private let steps: [Step]

    init(_ value: JSONValue?) throws {
        steps = try Self.steps(value)
    }

    private static func steps(_ value: JSONValue?) throws -> [Step] {
        guard let value, value != .null else { return [] }
        let component = "pre_tokenizer"
        switch value.type {
        case "Sequence": return try (value["pretokenizers"]?.array ?? []).flatMap(steps)
        case "Split": return [.split(try Splitting(value, of: component))]
        case "Digits":
            let isolates = value["individual_digits"]?.flag ?? false
            return [.split(try Splitting(#"\p{N}"#, isolates ? .isolated : .contiguous, of: component))]
        case "Punctuation":
            let behavior = try Splitting.Behavior(value["behavior"] ?? .string("Isolated"), of: component)
            return [.split(try Splitting(#"[\p{P}$+<=>^`|~]"#, behavior, of: component))]
        case "WhitespaceSplit": return [.split(try Splitting(#"\s"#, .removed, of: component))]
        case "ByteLevel":
            let words = try Splitting(ByteLevel.words, .isolated, of: component)
            let divides = value["use_regex"]?.flag ?? true
            return [.byteLevel(addsSpace: value["add_prefix_space"]?.flag ?? true, divides ? words : nil)]
        case "Metaspace": return [.metaspace(try Metaspace(value, of: component))]
        default:
            throw TokenizerFault.unsupported(
                component,
                value.type,
                ["Sequence", "Split", "Digits", "Punctuation", "WhitespaceSplit", "ByteLevel", "Metaspace"]
            )
        }
    }

    /// Divides parts of a text.
    ///
    /// - Parameter isFirst: Whether the first part is the beginning of the whole text.
    func words(_ parts: [String], isFirst: Bool) -> [String] {
        var words = parts
        for step in steps {
            switch step {
            case .split(let splitting): words = words.flatMap(splitting.parts)
            case .byteLevel(let addsSpace, let splitting):
                words = words.map { addsSpace && !$0.utf8.starts(with: " ".utf8) ? " " + $0 : $0 }
                if let splitting { words = words.flatMap(splitting.parts) }
                words = words.map(ByteLevel.encode)
            case .metaspace(let metaspace):
                words = words.enumerated().flatMap { metaspace.parts($1, isFirst: isFirst && $0 == 0) }
            }
        }
        return words.filter { !$0.isEmpty }
    }
}
