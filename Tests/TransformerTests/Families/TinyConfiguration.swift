internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// A small `config.json` of a family, with the keys that every one of them needs; values are JSON.
struct TinyConfiguration: CustomStringConvertible {
    var keys: [String: String]

    /// A configuration of this `model_type`, with changes; a nil value removes the key.
    init(_ modelType: String, _ changes: [String: String?] = [:]) {
        keys = [
            "model_type": "\"\(modelType)\"", "vocab_size": "100", "hidden_size": "64", "intermediate_size": "128",
            "num_hidden_layers": "6", "num_attention_heads": "8", "num_key_value_heads": "2",
        ]
        if modelType == "gpt_neox" { keys["num_key_value_heads"] = nil }
        if ["gemma3", "mistral3"].contains(modelType) {
            keys["model_type"] = modelType == "gemma3" ? #""gemma3_text""# : #""mistral""#
            keys = ["model_type": "\"\(modelType)\"", "text_config": description, "vision_config": #"{"depth": 3}"#]
        }
        for (key, value) in changes { keys[key] = value }
    }

    var description: String {
        "{" + keys.sorted { $0.key < $1.key }.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
    }

    /// The description that is read from a directory with this configuration.
    func read() throws -> ModelDescription {
        try Places.temporary { directory in
            try write(description, to: directory.appending("config.json"))
            return try ModelDescription(directory: directory)
        }
    }

    /// Expects that reading is refused with this message.
    func expectRefusal(_ message: String, at location: SourceLocation = #_sourceLocation) throws {
        try Places.temporary { directory in
            let path = directory.appending("config.json")
            try write(description, to: path)
            TestSupport.expectRefusal(path, message, at: location) { _ = try ModelDescription(directory: directory) }
        }
    }
}

/// The architecture of a small configuration.
func architecture(_ modelType: String, _ changes: [String: String?] = [:]) throws -> Architecture {
    try TinyConfiguration(modelType, changes).read().architecture
}
