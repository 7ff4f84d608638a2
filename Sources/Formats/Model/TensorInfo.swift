/// The element types of safetensors with whole bytes: all can be copied, few are read as numbers.
package enum ElementType: String, Sendable, CaseIterable {
    case float64 = "F64"
    case float32 = "F32"
    case bfloat16 = "BF16"
    case float16 = "F16"
    case int64 = "I64"
    case int32 = "I32"
    case uint8 = "U8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case int16 = "I16"
    case int8 = "I8"
    case flag = "BOOL"
    case float8e5m2 = "F8_E5M2"
    case float8e4m3 = "F8_E4M3"

    /// Bytes of one element.
    package var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64: return 8
        case .float32, .int32, .uint32: return 4
        case .bfloat16, .float16, .int16, .uint16: return 2
        case .uint8, .int8, .flag, .float8e5m2, .float8e4m3: return 1
        }
    }
}

extension ElementType {
    /// The name of a type of weights in `config.json`, such as bfloat16; that of safetensors for other types.
    package var configurationName: String {
        switch self {
        case .float32: "float32"
        case .bfloat16: "bfloat16"
        case .float16: "float16"
        default: rawValue
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
