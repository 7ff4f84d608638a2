internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// A small `adapter_config.json` with the keys that PEFT always writes; values are JSON.
struct TinyAdapter: CustomStringConvertible {
    var keys: [String: String] = [
        "peft_type": #""LORA""#, "task_type": #""CAUSAL_LM""#, "r": "4", "lora_alpha": "8",
        "target_modules": #"["q_proj", "down_proj"]"#,
    ]

    /// A configuration with changes; a nil value removes the key.
    init(_ changes: [String: String?] = [:]) {
        for (key, value) in changes { keys[key] = value }
    }

    var description: String {
        "{" + keys.sorted { $0.key < $1.key }.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
    }

    /// The configuration that is read from a directory with this file.
    func read() throws -> AdapterConfiguration {
        try Places.temporary { directory in
            try write(description, to: directory.appending("adapter_config.json"))
            return try AdapterConfiguration(directory: directory)
        }
    }

    /// The adapter of a small model of this type.
    func resolve(_ model: TinyConfiguration = TinyConfiguration("llama")) throws -> Adapter {
        try read().resolve(in: model.read())
    }

    /// Expects that reading, or resolving in a model, is refused with this message.
    func expectRefusal(
        _ message: String,
        in model: TinyConfiguration = TinyConfiguration("llama"),
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let model = try model.read()
        try Places.temporary { directory in
            let path = directory.appending("adapter_config.json")
            try write(description, to: path)
            TestSupport.expectRefusal(path, message, at: location) {
                _ = try AdapterConfiguration(directory: directory).resolve(in: model)
            }
        }
    }
}

/// The configuration of a new adapter with these targets.
func newAdapter(
    _ targets: ModuleSelection?,
    _ change: (inout AdapterConfiguration) -> Void = { _ in }
) -> AdapterConfiguration {
    var configuration = AdapterConfiguration()
    configuration.targets = targets
    change(&configuration)
    return configuration
}

/// Expects that the settings of a new adapter are refused with this message.
func expectRefusal(
    _ configuration: AdapterConfiguration,
    _ message: String,
    in model: TinyConfiguration = TinyConfiguration("llama"),
    at location: SourceLocation = #_sourceLocation
) throws {
    let model = try model.read()
    let error = #expect(throws: AdapterError.self, sourceLocation: location) { try configuration.resolve(in: model) }
    #expect(error?.description == message, sourceLocation: location)
}
