/// The number format of the operands of products with weights; their sums are float32 in any.
package enum ProductPrecision: String, CaseIterable, Codable, Sendable {
    case float32
    /// Rounded to bfloat16, 8 bits of precision, where the processor has an instruction for it.
    case bfloat16
    /// bfloat16 if it is faster on the processors of all ranks.
    case auto
}
