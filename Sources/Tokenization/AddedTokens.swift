internal import Formats

/// The tokens that are recognized in a text as they are, before it is divided into words; special ones among them.
struct AddedTokens: Sendable {
    /// A part of a text.
    enum Part: Equatable {
        case token(Int32)
        case text(String)
    }

    private struct Token: Sendable {
        let id: Int32
        let text: [UInt8]
        let isSpecial: Bool
        let isNormalized: Bool
        let isSingleWord: Bool
        /// Whether white space before and after it belongs to it.
        let takesLeft: Bool
        let takesRight: Bool

        init(_ value: JSONValue) throws {
            let component = "added_tokens"
            guard let id = value["id"]?.wholeNumber.flatMap({ Int32(exactly: $0) }) else {
                throw TokenizerFault.invalid(component, "id", "the number of a token", value["id"])
            }
            guard let content = value["content"]?.string else {
                throw TokenizerFault.invalid(component, "content", "a text", value["content"])
            }
            func flag(_ key: String) -> Bool { value[key]?.flag ?? false }
            (self.id, text, isSpecial) = (id, Array(content.utf8), flag("special"))
            (isNormalized, isSingleWord) = (flag("normalized"), flag("single_word"))
            (takesLeft, takesRight) = (flag("lstrip"), flag("rstrip"))
        }
    }

    private let tokens: [Token]
    private let byID: [Int32: Token]
    /// By first byte, the longest first.
    private let byFirstByte: [UInt8: [Token]]

    init(_ value: JSONValue?) throws {
        tokens = try (value?.array ?? []).map(Token.init)
        byID = Dictionary(tokens.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        byFirstByte = Dictionary(grouping: tokens.filter { !$0.text.isEmpty }) { $0.text[0] }
            .mapValues { $0.sorted { $0.text.count > $1.text.count } }
    }

    func isSpecial(_ token: Int32) -> Bool { byID[token]?.isSpecial ?? false }

    /// The text of an added token; nil for another one.
    func text(of token: Int32) -> String? { byID[token].map { String(decoding: $0.text, as: UTF8.self) } }

    /// Divides a text at the tokens that are recognized in normalized text, or at the others: of several at one place the
    /// longest.
    func divide(_ text: String, areNormalized: Bool) -> [Part] {
        guard tokens.contains(where: { $0.isNormalized == areNormalized }) else {
            return text.isEmpty ? [] : [.text(text)]
        }
        let bytes = Array(text.utf8)
        var parts: [Part] = []
        var (start, index) = (0, 0)
        func append(_ range: Range<Int>) {
            if !range.isEmpty { parts.append(.text(String(decoding: bytes[range], as: UTF8.self))) }
        }
        while index < bytes.count {
            guard let token = match(bytes, at: index, areNormalized) else {
                index += 1
                continue
            }
            let end = index + token.text.count
            let left = token.takesLeft ? Self.spaceStart(bytes, start..<index) : index
            append(start..<left)
            parts.append(.token(token.id))
            start = token.takesRight ? Self.spaceEnd(bytes, end..<bytes.count) : end
            index = start
        }
        append(start..<bytes.count)
        return parts
    }

    private func match(_ bytes: [UInt8], at index: Int, _ areNormalized: Bool) -> Token? {
        byFirstByte[bytes[index]]?.first { token in
            token.isNormalized == areNormalized && bytes[index...].starts(with: token.text)
                && (!token.isSingleWord || Self.isWord(bytes, index..<index + token.text.count))
        }
    }

    /// Whether neither the character before a range nor the one after it is of a word.
    private static func isWord(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        func isOfWord(_ scalar: Unicode.Scalar?) -> Bool {
            guard let scalar else { return false }
            return scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
        }
        let before = String(decoding: bytes[..<range.lowerBound], as: UTF8.self).unicodeScalars.last
        let after = String(decoding: bytes[range.upperBound...], as: UTF8.self).unicodeScalars.first
        return !isOfWord(before) && !isOfWord(after)
    }

    /// Where the white space at the end of a range begins.
    private static func spaceStart(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        let space = String(decoding: bytes[range], as: UTF8.self).unicodeScalars.reversed()
            .prefix { $0.properties.isWhitespace }
        return range.upperBound - space.reduce(0) { $0 + String($1).utf8.count }
    }

    /// Where the white space at the beginning of a range ends.
    private static func spaceEnd(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        let space = String(decoding: bytes[range], as: UTF8.self).unicodeScalars.prefix { $0.properties.isWhitespace }
        return range.lowerBound + space.reduce(0) { $0 + String($1).utf8.count }
    }
}
