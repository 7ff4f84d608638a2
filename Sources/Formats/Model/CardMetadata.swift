internal import Foundation
package import SystemPackage
internal import Yams

/// What the model card of a directory, its `README.md`, states of a model: what cards of models trained from it repeat.
///
/// Nothing depends on it but other cards, so a card that is missing, damaged or too large states nothing.
package struct CardMetadata: Sendable, Equatable {
    /// The name of the file.
    package static let fileName = "README.md"
    private static let maximumByteCount = 1 << 20
    /// Far above any metadata but those with thousands of results.
    private static let maximumMetadataByteCount = 1 << 16

    /// The licence as the Hub names it, such as "apache-2.0".
    package private(set) var license: String?
    /// The name and the link of a licence that the Hub has no name for.
    package private(set) var licenseName: String?
    package private(set) var licenseLink: String?
    /// Codes of languages.
    package private(set) var languages: [String] = []
    /// The model that it was made from; nil for none or several.
    package private(set) var baseModel: String?
    /// The text of the file; empty if there is none.
    package let text: String

    /// Reads the card of a model directory.
    package init(directory: FilePath) {
        let path = directory.appending(Self.fileName)
        let isOwn = (try? path.requireOwnFile(of: directory)) != nil
        let file = isOwn ? try? MappedFile(path) : nil
        self.init(text: file?.withBytes { String(decoding: $0.prefix(Self.maximumByteCount), as: UTF8.self) } ?? "")
    }

    /// The metadata at the start of a text, between lines of three hyphens.
    package init(text: String) {
        self.text = text
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return }
        let yaml = lines[1..<end].joined(separator: "\n")
        // An alias could expand to any size.
        guard yaml.utf8.count <= Self.maximumMetadataByteCount, !yaml.contains("*"),
            let mapping = try? Yams.compose(yaml: yaml)?.mapping
        else { return }
        license = Self.words(mapping["license"]).only.flatMap { Self.isWord($0) ? $0.lowercased() : nil }
        licenseName = Self.words(mapping["license_name"]).only
        licenseLink = Self.words(mapping["license_link"]).only
        languages = Self.words(mapping["language"]).filter(Self.isWord)
        baseModel = Self.words(mapping["base_model"]).only.flatMap { Self.isHubID($0) ? $0 : nil }
    }

    /// The texts of a scalar or of a list of them, each on one line.
    private static func words(_ node: Node?) -> [String] {
        guard let node else { return [] }
        let nodes = node.sequence.map { Array($0) } ?? [node]
        return nodes.compactMap { $0.scalar?.string }.filter { !$0.isEmpty && $0 != "null" && $0.utf8.count <= 500 }
            .filter { text in text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control } }
    }

    private static func isWord(_ text: String) -> Bool {
        text.utf8.count <= 64 && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || ".-_+".contains($0) }
    }

    // MARK: Identifiers

    /// Whether a text is the identifier of a repository on the Hugging Face Hub, with its owner: `owner/name`.
    package static func isHubID(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, text.utf8.count <= 192, !text.contains("--"), !text.contains("..") else { return false }
        return parts.allSatisfy { part in
            guard let first = part.first, let last = part.last, isWord(part) else { return false }
            return !".-".contains(first) && !".-".contains(last)
        }
    }

    /// The identifier `owner/NAME` that the text mentions, in quotation marks or in a link to the Hub; nil for none, or
    /// several.
    package func mentionedID(named name: String) -> String? {
        var found: Set<String> = []
        var rest = text[...]
        while let match = rest.range(of: "/" + name) {
            if let owner = Self.owner(before: match.lowerBound, closedBy: text[match.upperBound...].first, in: text) {
                found.insert("\(owner)/\(name)")
            }
            rest = rest[match.upperBound...]
        }
        return found.filter(Self.isHubID).only
    }

    /// The word before the slash of an identifier that stands alone, closed by a character; nil if it is part of a path.
    private static func owner(before slash: String.Index, closedBy end: Character?, in text: String) -> Substring? {
        var start = slash
        while start > text.startIndex, isWord(String(text[text.index(before: start)])) {
            start = text.index(before: start)
        }
        let former = text[..<start]
        if let mark = former.last, "\"'`".contains(mark) { return end == mark ? text[start..<slash] : nil }
        let isClosed = end.map { "\"'`)/?#>] \n".contains($0) } ?? true
        return former.hasSuffix("huggingface.co/") && isClosed ? text[start..<slash] : nil
    }
}

extension Collection {
    /// The element of a collection of one; nil for others.
    fileprivate var only: Element? { count == 1 ? first : nil }
}
