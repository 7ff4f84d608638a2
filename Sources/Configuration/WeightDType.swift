/// The type in which weights that are not trained are stored, under transformers' name `dtype`.
package enum WeightDType: String, CaseIterable, Codable, Sendable {
    /// That of the model's files.
    case auto
    case float32
    case bfloat16
}
