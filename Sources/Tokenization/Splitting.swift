internal import Formats

/// The division of a text at the matches of a pattern.
struct Splitting: Sendable {
    /// Where a match belongs to.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"

        init(_ value: JSONValue?, of component: String) throws {
            guard let behavior = value?.string.flatMap(Self.init) else {
                throw TokenizerFault.invalid(component, "behavior", "one of those of Split", value)
            }
            self = behavior
        }
    }

    private let pattern: TokenPattern
    private let behavior: Behavior
    private let isInverted: Bool

    /// A component of the type Split.
    init(_ value: JSONValue, of component: String) throws {
        pattern = try TokenPattern(value["pattern"], of: component)
        behavior = try Behavior(value["behavior"], of: component)
        isInverted = value["invert"]?.flag ?? false
    }

    /// A division at the matches of a regular expression.
    init(_ expression: String, _ behavior: Behavior, of component: String) throws {
        pattern = try TokenPattern(expression, of: component)
        (self.behavior, isInverted) = (behavior, false)
    }

    /// The parts of a text.
    func parts(of text: String) -> [String] {
        let parts = pattern.parts(of: text).map { (text: $0.text, isMatch: $0.isMatch != isInverted) }
        switch behavior {
        case .removed: return parts.filter { !$0.isMatch }.map(\.text)
        case .isolated: return parts.map(\.text)
        case .contiguous: return joined(parts) { $0.isMatch == $1.isMatch }
        case .mergedWithPrevious: return joined(parts) { !$0.isMatch && $1.isMatch }
        case .mergedWithNext: return joined(parts) { $0.isMatch && !$1.isMatch }
        }
    }

    /// Joins a part with the one before it if `joins` holds for the two.
    private func joined(
        _ parts: [(text: String, isMatch: Bool)],
        _ joins: ((text: String, isMatch: Bool), (text: String, isMatch: Bool)) -> Bool
    ) -> [String] {
        var result: [String] = []
        for (index, part) in parts.enumerated() {
            if index > 0, joins(parts[index - 1], part) {
                result[result.count - 1] += part.text
            } else {
                result.append(part.text)
            }
        }
        return result
    }
}

/// SentencePiece's form of spaces, a visible character, which begins each word.
struct Metaspace: Sendable {
    private enum Scheme: String { case always, first, never }

    private let mark: String
    private let scheme: Scheme
    /// The division into words before each mark; nil if the text stays whole.
    private let splitting: Splitting?
    private let spaces: TokenPattern

    init(_ value: JSONValue, of component: String) throws {
        mark = value["replacement"]?.string ?? "▁"
        if let name = value["prepend_scheme"] {
            guard let scheme = name.string.flatMap(Scheme.init) else {
                throw TokenizerFault.invalid(component, "prepend_scheme", "always, first or never", name)
            }
            self.scheme = scheme
        } else {
            scheme = value["add_prefix_space"]?.flag ?? true ? .always : .never
        }
        spaces = try TokenPattern(" ", of: component)
        let escaped = try TokenPattern(.object(["String": .string(mark)]), of: component)
        splitting = value["split"]?.flag ?? true ? Splitting(escaped, .mergedWithNext) : nil
    }

    /// The words of a part of a text.
    ///
    /// - Parameter isFirst: Whether it begins the whole text.
    func parts(_ text: String, isFirst: Bool) -> [String] {
        var text = spaces.replacing(in: text, with: mark)
        let prepends = scheme == .always || scheme == .first && isFirst
        if prepends, !text.utf8.starts(with: mark.utf8) { text = mark + text }
        return splitting?.parts(of: text) ?? [text]
    }
}

extension Splitting {
    fileprivate init(_ pattern: TokenPattern, _ behavior: Behavior) {
        (self.pattern, self.behavior, isInverted) = (pattern, behavior, false)
    }
}
