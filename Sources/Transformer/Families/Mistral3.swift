/// Mistral 3: a wrapper of a Mistral and a model of images.
package enum Mistral3: Family {
    package static let modelType = "mistral3"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        try Wrapper.architecture(&reader, of: [Mistral.self, Llama.self, Qwen2.self, Qwen3.self])
    }

    package static var namings: [Naming] { Wrapper.namings }

    package static func isPassedThrough(_ tensorName: String) -> Bool { Wrapper.isPassedThrough(tensorName) }
}
