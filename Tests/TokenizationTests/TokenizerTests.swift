internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Tokenization

/// Tokens and texts are those of the library tokenizers (`Tests/Goldens/make_tokenizer_goldens.py`).
struct TokenizerTests {
    private static let goldens = Places.repository.appending("Tests/Goldens/tokenizers")

    private static func read(_ text: String) throws -> Tokenizer {
        try Places.temporary { directory in
            try write(text, to: directory.appending("tokenizer.json"))
            return try Tokenizer(directory: directory)
        }
    }

    private static func golden(_ name: String) throws -> String {
        try String(contentsOfFile: goldens.appending("\(name).json").string, encoding: .utf8)
    }

    @Test(
        "texts have the tokens of the library, and tokens its texts",
        arguments: ["gpt2", "spaced", "llama3", "qwen", "llama2", "gemma", "metaspace-first", "metaspace-always"]
    )
    func library(name: String) throws {
        let tokenizer = try Self.read(try Self.golden(name))
        let cases = try StrictJSON.object(in: Self.goldens.appending("cases.json"))[name]?.array ?? []
        #expect(cases.count >= 12)
        for entry in cases.compactMap(\.object) {
            let text = entry["text"]?.string ?? ""
            let tokens = entry["ids"]?.array?.compactMap(\.wholeNumber).map(Int32.init) ?? []
            #expect(tokenizer.encode(text) == tokens, "\(name): \(text)")
            let decoded = tokenizer.decode(tokens)
            #expect(Array(decoded.utf8) == Array((entry["decoded"]?.string ?? "").utf8), "\(name): \(text)")
        }
    }

    @Test("merges may be written as texts, as older files have them")
    func olderMerges() throws {
        let text = try Self.golden("qwen")
        let older = text.replacing(#/\["((?:[^"\\]|\\.)*)","((?:[^"\\]|\\.)*)"\]/#) { "\"\($0.1) \($0.2)\"" }
        #expect(older != text)
        let sentence = "The capital of France is not a matter of taste"
        #expect(try Self.read(older).encode(sentence) == Self.read(text).encode(sentence))
    }

    @Test("pieces that are canonically equivalent are different pieces")
    func equivalentPieces() throws {
        let vocabulary = #"{"\u00e9": 0, "e": 1, "\u0301": 2, "e\u0301": 3}"#
        let tokenizer = try Self.read(
            #"{"model": {"type": "BPE", "merges": ["e \u0301"], "vocab": "# + vocabulary + "}}"
        )
        #expect(tokenizer.encode("\u{e9}") == [0] && tokenizer.encode("e\u{301}") == [3])
    }

    @Test(
        "what is not implemented or invalid is refused by its name",
        arguments: [
            (#""model": {"type": "Unigram", "vocab": [["a", 0.0]]}"#, "expected one of the types BPE, found Unigram"),
            (#""model": {"type": "BPE", "vocab": {}}"#, "model: expected one of the types BPE, found BPE"),
            (#""model": {"type": "BPE", "vocab": {"a": -1}}"#, "model: vocab must map pieces to tokens"),
            (
                #""model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}"#,
                #"model: merges must be pairs of pieces of the vocabulary, found ["a","b"]"#
            ),
            (#""normalizer": {"type": "Precompiled"}"#, "normalizer: expected one of the types Sequence, NFC"),
            (#""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Bert"}]}"#, "found Bert"),
            (
                #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(("}, "behavior": "Isolated"}"#,
                #"pattern must be a regular expression, found "((""#
            ),
            (#""post_processor": {"type": "RobertaProcessing"}"#, "post_processor: expected one of"),
            (#""decoder": {"type": "WordPiece"}"#, "decoder: expected one of the types Sequence"),
            (#""added_tokens": [{"content": "a"}]"#, "added_tokens: id must be the number of a token, found none"),
            (#""version": "1.0",}"#, "expected a JSON object, but at byte"),
        ]
    )
    func refusals(part: String, message: String) throws {
        let model = #""model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}"#
        let text = part.hasPrefix("\"model\"") ? "{\(part)}" : "{\(model), \(part)}"
        let error = #expect(throws: FormatError.self) { try Self.read(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
    }

    @Test("a missing tokenizer.json is an error that names it")
    func missing() throws {
        let error = #expect(throws: FormatError.self) { try Tokenizer(directory: "/nowhere") }
        #expect(error?.path == "/nowhere/tokenizer.json")
    }
}
