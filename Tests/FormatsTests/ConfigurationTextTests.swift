internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The `config.json` of an output.
struct ConfigurationTextTests {
    private func float32(_ text: String) throws -> String { try self.text(text, of: .float32) }

    private func text(_ text: String, of type: ElementType) throws -> String {
        try Places.temporary { directory in
            try write(text, to: directory.appending("config.json"))
            return String(decoding: try ConfigurationText(directory: directory).text(of: type), as: UTF8.self)
        }
    }

    @Test(
        "only the type of the weights changes, under the keys that are there, also in text_config",
        arguments: [
            // Order, spaces, numbers and escapes stay.
            (
                "{ \"z\":1.50e0,\n\t\"dtype\" :\"bfloat16\" , \"a\": \"\\u00e9\\/\"}",
                "{ \"z\":1.50e0,\n\t\"dtype\" :\"float32\" , \"a\": \"\\u00e9\\/\"}"
            ),
            (#"{"torch_dtype":"float16","vocab_size":1}"#, #"{"torch_dtype":"float32","vocab_size":1}"#),
            (#"{"torch_dtype":"float16","dtype":null}"#, #"{"torch_dtype":"float32","dtype":"float32"}"#),
            // The other parts of a model keep their type, as their weights do.
            (
                #"{"dtype": "bfloat16", "text_config": {"a": {"dtype": 1}, "dtype": "bfloat16"}, "vision_config": "#
                    + #"{"dtype": "bfloat16"}}"#,
                #"{"dtype": "float32", "text_config": {"a": {"dtype": 1}, "dtype": "float32"}, "vision_config": "#
                    + #"{"dtype": "bfloat16"}}"#
            ),
            (
                #"{"text_config": {"torch_dtype": "bfloat16"}, "torch_dtype": "bfloat16"}"#,
                #"{"text_config": {"torch_dtype": "float32"}, "torch_dtype": "float32"}"#
            ),
            (
                #"{"text_config": {"dtype": null}, "dtype": "float32"}"#,
                #"{"text_config": {"dtype": null}, "dtype": "float32"}"#
            ),
            // Added in order if it is missing.
            ("{\n  \"a\": 1,\n  \"z\": 2\n}\n", "{\n  \"a\": 1,\n  \"dtype\": \"float32\",\n  \"z\": 2\n}\n"),
            ("{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"dtype\": \"float32\"\n}\n"),
            (#"{"z":1}"#, #"{"dtype": "float32","z":1}"#), ("{ }", #"{ "dtype": "float32"}"#),
            (
                #"{"text_config": {"dtype": "float16"}}"#,
                #"{"dtype": "float32","text_config": {"dtype": "float32"}}"#
            ),
        ]
    )
    func edits(text: String, expected: String) throws {
        #expect(try float32(text) == expected)
        #expect(try float32(expected) == expected)
    }

    @Test(
        "the type is that of the weights, and the text of a model that keeps its type stays as it is",
        arguments: [ElementType.float32, .bfloat16, .float16]
    )
    func types(type: ElementType) throws {
        let name = type.configurationName
        let own = "{\"dtype\": \"\(name)\", \"text_config\": {\"torch_dtype\": \"\(name)\"}}"
        #expect(try text(own, of: type) == own)
        #expect(try text("{\"dtype\": 7}", of: type) == "{\"dtype\": \"\(name)\"}")
        #expect(try text("{}", of: type) == "{\"dtype\": \"\(name)\"}")
    }

    @Test("the configuration of a float32 model stays as it is", arguments: Golden.allCases)
    func goldens(golden: Golden) throws {
        let path = golden.directory.appending("config.json")
        let text = try String(contentsOfFile: path.string, encoding: .utf8)
        #expect(try float32(text) == text && text.contains("\"dtype\": \"float32\""))
    }

    @Test("a file that is no object is refused")
    func invalid() throws {
        try Places.temporary { directory in
            let path = directory.appending("config.json")
            try write("[]", to: path)
            expectRefusal(path, "expected a JSON object") { _ = try ConfigurationText(directory: directory) }
        }
    }
}
