/// A family of models in Hugging Face format, which it translates to an architecture.
///
/// Defines the keys of `config.json` and the names of tensors; no other code depends on the family.
package protocol Family: Sendable {
    /// The `model_type` of its `config.json`.
    static var modelType: String { get }

    /// The architecture of a configuration; every key that could change it is read, or refused by name.
    ///
    /// - Throws: `FormatError` for the first key that is missing, wrong or not supported.
    static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture

    /// The name of a module in the family's files, without `.weight` or `.bias`.
    static func name(of module: Module) -> String

    /// Whether a stored tensor is of a part that is neither computed nor trained, such as a vision tower, and is copied to
    /// a trained model unchanged.
    static func isPassedThrough(_ tensorName: String) -> Bool
}

extension Family {
    package static func isPassedThrough(_ tensorName: String) -> Bool { false }
}

/// The supported families.
package enum Families {
    package static let all: [any Family.Type] = [Llama.self, Qwen2.self]

    /// The family of this `model_type`; nil for an unknown one.
    static func named(_ modelType: String) -> (any Family.Type)? { all.first { $0.modelType == modelType } }
}
