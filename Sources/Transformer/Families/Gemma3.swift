/// Gemma 3: a wrapper of its text model and a model of images.
package enum Gemma3: Family {
    package static let modelType = "gemma3"

    package static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture {
        try Wrapper.architecture(&reader, of: [Gemma3Text.self])
    }

    package static func name(of part: LayerModule) -> String { Gemma3Text.name(of: part) }

    package static var namings: [Naming] { Wrapper.namings }

    package static func isPassedThrough(_ tensorName: String) -> Bool { Wrapper.isPassedThrough(tensorName) }
}
