/// The type in which a model's weights are stored, under transformers' name `dtype`.
///
/// Those of an adapter are float32. A model that is itself trained in bfloat16 has master weights in float32, which ranks keep
/// for their slices: it computes with their rounded values.
package enum WeightDType: String, CaseIterable, Codable, Sendable {
    /// That of the model's files under an adapter and in scores; float32 of a model that is trained.
    case auto
    case float32
    case bfloat16
}
