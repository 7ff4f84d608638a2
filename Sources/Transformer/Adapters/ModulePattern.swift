/// A regular expression of names of modules, as Python's `re` matches it.
struct ModulePattern {
    /// A string is no regular expression, or one with features that Swift's do not have.
    struct Fault: Error, CustomStringConvertible {
        let text: String
        var description: String {
            "\(text) is not a supported regular expression; supported: Python's syntax without lookbehind and conditions"
        }
    }

    private enum Form {
        case expression(Regex<AnyRegexOutput>)
        /// Word characters, and dots that match any character.
        case plain([UInt8])
    }

    private let form: Form

    /// An expression that matches whole names.
    init(_ text: String) throws {
        do {
            // Python's boundary of words is between a word character and another; Unicode's ignores a dot in a word.
            form = .expression(
                try Regex(text).wordBoundaryKind(.simple).matchesUnicodeScalars()
            )
        } catch { throw Fault(text: text) }
    }

    private init(_ form: Form) { self.form = form }

    /// A key of PEFT's `rank_pattern` and `alpha_pattern`, which matches a name or an end of it: `(.*\.)?(key)$`.
    static func ending(in key: String) throws -> ModulePattern {
        let isPlain = key.utf8.allSatisfy { byte in
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
        }
        // A pattern for each module has thousands of keys: the comparison is faster than the expression.
        if isPlain { return ModulePattern(.plain(Array(key.utf8))) }
        do { _ = try Regex(key) } catch { throw Fault(text: key) }
        do { return try ModulePattern("(.*\\.)?(\(key))$") } catch { throw Fault(text: key) }
    }

    /// Whether the expression matches the whole name.
    func matches(_ name: String) -> Bool {
        switch form {
        case .expression(let regex): return (try? regex.wholeMatch(in: name)) != nil
        case .plain(let key): return Self.ends(name, key)
        }
    }

    /// The number that the first group named `idx` captures at the start of a name; nil without a match.
    func index(in name: String) -> Int? {
        guard case .expression(let regex) = form, let match = try? regex.prefixMatch(in: name) else { return nil }
        return match["idx"]?.substring.flatMap { Int($0) }
    }

    /// The ends of a name that begin after a dot, the longest first.
    static func ends(of name: String) -> [String] {
        name.indices.filter { name[$0] == "." }.map { String(name[name.index(after: $0)...]) }
    }

    /// Whether a name is a key or ends in it after a dot, where a dot of the key stands for any character.
    private static func ends(_ name: String, _ key: [UInt8]) -> Bool {
        let bytes = Array(name.utf8)
        let start = bytes.count - key.count
        guard start == 0 || (start > 0 && bytes[start - 1] == UInt8(ascii: ".")) else { return false }
        return zip(bytes[start...], key).allSatisfy { $0 == $1 || $1 == UInt8(ascii: ".") }
    }
}

extension Regex {
    /// The expression that compares scalars, not clusters of them.
    fileprivate func matchesUnicodeScalars() -> Regex { matchingSemantics(.unicodeScalar) }
}
