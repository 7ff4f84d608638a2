internal import Formats

/// The special tokens around the tokens of a text.
struct TokenTemplate: Sendable {
    private let before: [Int32]
    private let after: [Int32]

    init(_ value: JSONValue?) throws {
        (before, after) = try Self.tokens(value)
    }

    func around(_ tokens: [Int32]) -> [Int32] { before + tokens + after }

    private static func tokens(_ value: JSONValue?) throws -> (before: [Int32], after: [Int32]) {
        guard let value, value != .null else { return ([], []) }
        switch value.type {
        // Only changes the offsets of tokens in the text.
        case "ByteLevel": return ([], [])
        case "Sequence":
            return try (value["processors"]?.array ?? []).reduce(([], [])) { inner, processor in
                let outer = try tokens(processor)
                return (outer.before + inner.0, inner.1 + outer.after)
            }
        case "TemplateProcessing": return try template(value)
        default:
            let supported = ["ByteLevel", "Sequence", "TemplateProcessing"]
            throw TokenizerFault.unsupported("post_processor", value.type, supported)
        }
    }

    private static func template(_ value: JSONValue) throws -> (before: [Int32], after: [Int32]) {
        var (before, after): ([Int32], [Int32]) = ([], [])
        var isAfter = false
        for part in value["single"]?.array ?? [] {
            guard let name = part["SpecialToken"]?["id"]?.string else {
                isAfter = true
                continue
            }
            guard let ids = value["special_tokens"]?[name]?["ids"]?.array else {
                throw TokenizerFault.invalid("post_processor", "special_tokens", "the tokens of \(name)", nil)
            }
            let tokens = ids.compactMap(\.wholeNumber).compactMap(Int32.init(exactly:))
            if isAfter { after += tokens } else { before += tokens }
        }
        return (before, after)
    }
}
