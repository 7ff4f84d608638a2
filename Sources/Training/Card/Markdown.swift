internal import Formats

/// Text of a model card in Markdown, in which names of files have no other meaning than themselves.
enum Markdown {
    /// A text on one line, with the characters escaped that Markdown or HTML would interpret.
    static func text(_ text: String) -> String {
        text.printable(limit: 300).reduce(into: "") { result, character in
            if "\\`*_[]<>#|&".contains(character) { result += "\\" }
            result.append(character)
        }
    }

    /// A text as code on one line, also within a table.
    static func code(_ text: String) -> String {
        "`" + text.printable(limit: 300).replacing("`", with: "'").replacing("|", with: "\\|") + "`"
    }

    /// A link to a repository of the Hugging Face Hub, under its name.
    static func link(_ id: String, folder: String = "") -> String {
        "[\(text(id))](https://huggingface.co/\(folder)\(id))"
    }

    /// A table; its first row is the header.
    static func table(_ rows: [[String]]) -> String {
        let lines = rows.map { "| " + $0.joined(separator: " | ") + " |" }
        let rule = "|" + String(repeating: "---|", count: rows[0].count)
        return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n")
    }

    /// Lines of code.
    static func block(_ code: String, _ language: String) -> String { "```\(language)\n\(code)\n```" }
}
