internal import Foundation
package import SystemPackage

/// The chat templates of a model directory, as `AutoTokenizer` of transformers 5 loads them.
///
/// The files `chat_template.jinja` and `additional_chat_templates/NAME.jinja` replace `chat_template` of
/// `tokenizer_config.json`, which is one template or a list of named ones.
package enum ChatTemplates: Equatable, Sendable {
    /// The digest of a tokenizer without a template.
    package static let none = digest(of: "")

    /// SHA-256, in hexadecimal, of the template, or of Python's text of the dictionary of several: the `template_digest`
    /// of data that `espalier-prepare` writes with this model.
    case digest(String)
    /// The reason why that digest cannot be reproduced.
    case unknown(String)
    /// A directory without any file of a tokenizer.
    case noTokenizer

    private static let file = "chat_template.jinja"
    private static let folder = "additional_chat_templates"
    private static let settings = "tokenizer_config.json"

    /// Reads the templates in `directory`.
    package init(in directory: FilePath) {
        func exists(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: directory.appending(name).string)
        }
        guard ["tokenizer.json", Self.settings, Self.file].contains(where: exists) else {
            self = .noTokenizer
            return
        }
        do {
            self = .digest(Self.digest(of: try Self.load(in: directory).text))
        } catch {
            self = .unknown("\(error)")
        }
    }

    private static func digest(of text: String) -> String {
        var digest = Digest()
        digest.update(text)
        return digest.hexadecimal
    }

    // MARK: Loading

    /// What transformers loads: the attribute `chat_template` of a tokenizer.
    private enum Loaded {
        case one(String)
        /// In the order of Python's dictionary.
        case named([(key: String, value: String)])

        /// Python's `str` of it; empty for none.
        var text: String {
            switch self {
            case .one(let template): template
            case .named(let templates): templates.isEmpty ? "" : PythonText.dictionary(templates)
            }
        }
    }

    /// Why a digest cannot be reproduced.
    private struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    private static func load(in directory: FilePath) throws -> Loaded {
        try fromFiles(in: directory) ?? fromSettings(in: directory.appending(settings))
    }

    /// The templates in files of their own; nil if there are none.
    private static func fromFiles(in directory: FilePath) throws -> Loaded? {
        let standard = directory.appending(file)
        var templates: [(key: String, value: String)] = []
        if FileManager.default.fileExists(atPath: standard.string) {
            templates.append(("default", try text(of: standard)))
        }
        let others = try additional(in: directory.appending(folder))
        guard others.count <= 1 else {
            throw Fault(description: "has \(others.count) files in \(folder), whose order is that of the file system")
        }
        for path in others {
            let name = path.stem ?? ""
            templates.removeAll { $0.key == name }
            templates.append((name, try text(of: path)))
        }
        guard let first = templates.first else { return nil }
        return templates.count == 1 && first.key == "default" ? .one(first.value) : .named(templates)
    }

    private static func additional(in folder: FilePath) throws -> [FilePath] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.string)) ?? []
        return names.filter { $0.hasSuffix(".jinja") }.map(folder.appending(_:))
    }

    /// A file as Python opens text: UTF-8, with every end of a line as `\n`.
    private static func text(of path: FilePath) throws -> String {
        let bytes = try MappedFile(path).withBytes { Array($0) }
        var (lines, previous) = ([UInt8](), UInt8(0))
        for byte in bytes {
            let (isReturn, isSecondOfTwo) = (byte == 0x0D, byte == 0x0A && previous == 0x0D)
            if !isSecondOfTwo { lines.append(isReturn ? 0x0A : byte) }
            previous = byte
        }
        guard let text = String(validating: lines, as: UTF8.self) else {
            throw Fault(description: "has \(path), which is not UTF-8")
        }
        return text
    }

    private static func fromSettings(in path: FilePath) throws -> Loaded {
        guard FileManager.default.fileExists(atPath: path.string) else { return .one("") }
        switch try StrictJSON.object(in: path)["chat_template"] {
        case nil, .null: return .one("")
        case .string(let template): return .one(template)
        case .array(let entries): return .named(try unique(entries.map { try named($0, in: path) }, in: path))
        default: throw Fault(description: "has a chat_template in \(path) that is neither a string nor a list")
        }
    }

    private static func unique(
        _ templates: [(key: String, value: String)],
        in path: FilePath
    ) throws -> [(key: String, value: String)] {
        guard Set(templates.map(\.key)).count == templates.count else {
            throw Fault(description: "has two templates of one name in \(path)")
        }
        return templates
    }

    private static func named(_ entry: JSONValue, in path: FilePath) throws -> (key: String, value: String) {
        guard let name = entry.object?["name"]?.string, let template = entry.object?["template"]?.string else {
            let what = "is a list of other objects than name and template"
            throw Fault(description: "has a chat_template in \(path) that \(what)")
        }
        return (name, template)
    }
}
