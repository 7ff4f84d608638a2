internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The digest of a model's chat templates.
struct ChatTemplatesTests {
    /// A directory and the digest that `Tests/Goldens/make_template_goldens.py` computed with transformers.
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let files: [String: String]
        let digest: String

        var testDescription: String { name }
    }

    private static let cases: [Case] = {
        let path = Places.repository.appending("Tests/Goldens/templates.json").string
        let data = FileManager.default.contents(atPath: path) ?? Data()
        return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
    }()

    private func read(_ files: [String: String]) throws -> ChatTemplates {
        try Places.temporary { directory in
            for (name, text) in files {
                let path = directory.appending(name)
                try path.removingLastComponent().makeDirectory()
                try Data(text.utf8).write(to: URL(fileURLWithPath: path.string))
            }
            return ChatTemplates(in: directory)
        }
    }

    /// The reason why a digest cannot be reproduced, without the directory.
    private func reason(_ files: [String: String]) throws -> String? {
        guard case .unknown(let reason) = try read(files) else { return nil }
        return reason
    }

    @Test("the digest of every form of templates equals that of transformers", arguments: cases)
    func transformers(example: Case) throws {
        #expect(try read(example.files.merging(["tokenizer.json": "{}"]) { $1 }) == .digest(example.digest))
    }

    @Test("the goldens cover one template, several, and none")
    func goldens() {
        #expect(Self.cases.count == 18 && Set(Self.cases.map(\.digest)).count > 8)
        #expect(Self.cases.contains { $0.digest == ChatTemplates.none })
    }

    @Test("templates whose order or text is not known are reported instead of guessed")
    func unknown() throws {
        let folder = ["additional_chat_templates/a.jinja": "a", "additional_chat_templates/b.jinja": "b"]
        let several = try reason(folder.merging(["tokenizer.json": "{}"]) { $1 })
        #expect(several == "has 2 files in additional_chat_templates, whose order is that of the file system")
        func settings(_ template: String) throws -> String? {
            try reason(["tokenizer_config.json": "{\"chat_template\": \(template)}"])
        }
        #expect(try settings("7")?.hasSuffix(" that is neither a string nor a list") == true)
        #expect(try settings(#"["a"]"#)?.hasSuffix(" that is a list of other objects than name and template") == true)
        let twice = #"[{"name": "a", "template": "b"}, {"name": "a", "template": "c"}]"#
        #expect(try settings(twice)?.hasPrefix("has two templates of one name in ") == true)
        #expect(try reason(["tokenizer_config.json": "{"]) != nil)
    }

    @Test("a directory without a tokenizer has no digest")
    func noTokenizer() throws {
        #expect(try read(["config.json": "{}"]) == .noTokenizer)
    }
}
