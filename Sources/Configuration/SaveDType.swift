/// The type in which trained tensors are written to the output, rounded once.
package enum SaveDType: String, Codable, Sendable, CaseIterable {
    /// The type that each tensor has in the model that is trained.
    case auto
    case float32, bfloat16, float16
}
