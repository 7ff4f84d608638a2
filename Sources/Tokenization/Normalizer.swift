internal import Formats
internal import Foundation

/// The changes of a text before it is divided into words.
struct Normalizer: Sendable {
    private enum Step: Sendable {
        case canonicalComposition, canonicalDecomposition, compatibilityComposition, compatibilityDecomposition
        case lowercase
        case prepend(String)
        case replace(TokenPattern, by: String)
        case strip(left: Bool, right: Bool)
    }

    private let steps: [Step]

    init(_ value: JSONValue?) throws {
        steps = try Self.steps(value)
    }

    private static func steps(_ value: JSONValue?) throws -> [Step] {
        guard let value, value != .null else { return [] }
        let component = "normalizer"
        switch value.type {
        case "Sequence": return try (value["normalizers"]?.array ?? []).flatMap(steps)
        case "NFC": return [.canonicalComposition]
        case "NFD": return [.canonicalDecomposition]
        case "NFKC": return [.compatibilityComposition]
        case "NFKD": return [.compatibilityDecomposition]
        case "Lowercase": return [.lowercase]
        case "Prepend": return [.prepend(value["prepend"]?.string ?? "")]
        case "Replace":
            let content = value["content"]?.string ?? ""
            return [.replace(try TokenPattern(value["pattern"], of: component), by: content)]
        case "Strip":
            return [.strip(left: value["strip_left"]?.flag ?? true, right: value["strip_right"]?.flag ?? true)]
        default:
            throw TokenizerFault.unsupported(
                component,
                value.type,
                ["Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace", "Strip"]
            )
        }
    }

    func apply(_ text: String) -> String { steps.reduce(text) { Self.apply($1, $0) } }

    private static func apply(_ step: Step, _ text: String) -> String {
        switch step {
        case .canonicalComposition: return text.precomposedStringWithCanonicalMapping
        case .canonicalDecomposition: return text.decomposedStringWithCanonicalMapping
        case .compatibilityComposition: return text.precomposedStringWithCompatibilityMapping
        case .compatibilityDecomposition: return text.decomposedStringWithCompatibilityMapping
        case .lowercase: return text.lowercased()
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content): return pattern.replacing(in: text, with: content)
        case .strip(let left, let right):
            var scalars = text.unicodeScalars[...]
            if left { scalars = scalars.drop { $0.properties.isWhitespace } }
            while right, scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
            return String(scalars)
        }
    }
}
