internal import Formats
internal import Foundation
internal import Reporting
internal import SystemPackage

/// The `README.md` of an output: what the Hugging Face Hub shows of a model.
struct ModelCard {
    /// A line by which a card is recognized as written by this program, so that a run replaces no other.
    private static let mark =
        "<!-- Written by espalier, which replaces this file with the model; remove this line to keep your changes. -->"

    /// The entries at the top of the card, which the Hub reads.
    let metadata: [(key: String, value: YAMLValue)]
    /// The heading.
    let title: String
    /// The paragraphs, tables and sections after it.
    let parts: [String]

    /// The text of the file.
    var text: String {
        let head = YAMLValue.mapping(metadata).lines.joined(separator: "\n")
        return "---\n\(head)\n---\n\n\(Self.mark)\n\n# \(Markdown.text(title))\n\n"
            + parts.joined(separator: "\n\n") + "\n"
    }

    /// Writes the card to the directory of its model, unless a file that this program did not write is there.
    ///
    /// A run must not fail for its card: what prevents it is reported.
    func write(to directory: FilePath) {
        let path = directory.appending(CardMetadata.fileName)
        do {
            guard try Self.isReplaceable(path) else {
                printNotice("note: \(path): stays as it is, since espalier did not write it".printable())
                return
            }
            try AtomicFile.write(to: path) { try $0.append(text) }
        } catch {
            printNotice("warning: the model card was not written: \(error)".printable())
        }
    }

    /// Removes the card of an earlier run.
    static func remove(from directory: FilePath) {
        let path = directory.appending(CardMetadata.fileName)
        guard let file = try? MappedFile(path), isOwn(file) else { return }
        try? FileManager.default.removeItem(atPath: path.string)
    }

    /// Whether this program wrote a card with this text.
    static func isOwn(_ text: String) -> Bool { text.contains("\n\(mark)\n") }

    private static func isReplaceable(_ path: FilePath) throws -> Bool {
        // Also a link to nothing counts as the user's.
        guard (try? FileManager.default.attributesOfItem(atPath: path.string)) != nil else { return true }
        return isOwn(try MappedFile(path))
    }

    private static func isOwn(_ file: MappedFile) -> Bool {
        file.withBytes { isOwn(String(decoding: $0.prefix(1 << 20), as: UTF8.self)) }
    }
}
