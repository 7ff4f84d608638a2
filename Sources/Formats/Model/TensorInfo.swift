/// The element types of safetensors that are supported.
package enum ElementType: String, Sendable, CaseIterable {
    case float64 = "F64"
    case float32 = "F32"
    case bfloat16 = "BF16"
    case float16 = "F16"
    case int64 = "I64"
    case int32 = "I32"
    case uint8 = "U8"

    /// Bytes of one element.
    package var byteCount: Int {
        switch self {
        case .float64, .int64: return 8
        case .float32, .int32: return 4
        case .bfloat16, .float16: return 2
        case .uint8: return 1
        }
    }
}

/// The entry of one tensor in a safetensors header.
package struct TensorInfo: Sendable, Equatable {
    package let name: String
    package let elementType: ElementType
    package let shape: [Int]
    /// The byte range of the tensor in the file.
    package let byteRange: Range<Int>

    /// The number of elements.
    package var elementCount: Int { byteRange.count / elementType.byteCount }
}
