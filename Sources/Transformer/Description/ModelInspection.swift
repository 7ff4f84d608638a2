package import Formats
package import SystemPackage

/// What is recognized in a model directory, and everything for which a run would refuse it.
package struct ModelInspection: Sendable {
    package let family: any Family.Type
    /// The `model_type` of the text model that a wrapper contains; nil if there is none, or no key for it.
    package let textModelType: String?
    /// The description; with problems of the configuration, that of a model without the features at fault.
    package let description: ModelDescription?
    /// The weights; nil if their files cannot be read.
    package let weights: ModelWeights?
    /// The generation of the configuration's keys.
    package let form: ConfigurationForm
    /// Each with its remedy.
    package let problems: [FormatError]

    /// Reads `config.json` and the headers of the weights.
    ///
    /// - Throws: `FormatError` for a directory whose model cannot be described at all: without `config.json`, or with an
    ///   unknown `model_type`.
    package static func read(directory: FilePath) throws -> ModelInspection {
        let (family, description, refused) = try ModelDescription.collecting(directory: directory)
        var (weights, problems) = (ModelWeights?.none, refused)
        do {
            let files = try ModelWeights(directory: directory)
            weights = files
            if let description { problems += try description.parameters.problems(in: files) }
        } catch let error as FormatError {
            problems.append(error)
        }
        let keys = try StrictJSON.object(in: directory.appending("config.json"))
        return ModelInspection(
            family: family,
            textModelType: keys["text_config"]?.object?["model_type"]?.string,
            description: description,
            weights: weights,
            form: ConfigurationForm(keys),
            problems: problems
        )
    }
}

/// The generation of transformers whose keys a `config.json` has.
package enum ConfigurationForm: String, Sendable, Encodable {
    /// `rope_theta` and `rope_scaling`, or `torch_dtype`.
    case four = "transformers 4"
    /// `rope_parameters`, or `dtype`.
    case five = "transformers 5"
    /// Keys that both have.
    case either = "transformers 4 and 5"

    init(_ object: [String: JSONValue]) {
        let objects = [object] + (object["text_config"]?.object.map { [$0] } ?? [])
        func has(_ keys: String...) -> Bool {
            objects.contains { object in keys.contains { object[$0] != nil && object[$0] != .null } }
        }
        self =
            has("rope_parameters")
            ? .five
            : has("rope_theta", "rope_scaling") ? .four : has("dtype") ? .five : has("torch_dtype") ? .four : .either
    }
}
