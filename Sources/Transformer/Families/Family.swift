/// A family of models as Hugging Face stores it, translated to an architecture.
///
/// Its `config.json` and its tensors' names; the only place that knows the family's name.
package protocol Family: Sendable {
    /// The `model_type` of its `config.json`.
    static var modelType: String { get }

    /// The architecture that a configuration describes; every key that could change it is read, or refused by name.
    ///
    /// - Throws: `FormatError` for the first key that is missing, wrong or not supported.
    static func architecture(_ reader: inout ConfigurationReader) throws -> Architecture

    /// What the family's files call a module, without `.weight` or `.bias`.
    static func name(of module: Module) -> String
}

/// The families that can be read.
package enum Families {
    package static let all: [any Family.Type] = [Llama.self, Qwen2.self]

    /// The family of this `model_type`; nil for one that is not known.
    static func named(_ modelType: String) -> (any Family.Type)? { all.first { $0.modelType == modelType } }
}
