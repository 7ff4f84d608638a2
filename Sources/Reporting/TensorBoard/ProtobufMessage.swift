/// A message of Protocol Buffers in wire format.
package struct ProtobufMessage: Sendable, Equatable {
    /// A field with its number.
    package enum Field {
        case integer(Int, Int64)
        case double(Int, Double)
        case float(Int, Float)
        case text(Int, String)
        case message(Int, ProtobufMessage)
    }

    /// How the value of a field is stored.
    private enum WireType: UInt64 {
        case variableLength = 0
        case eightBytes = 1
        case lengthDelimited = 2
        case fourBytes = 5
    }

    package private(set) var bytes: [UInt8] = []

    /// A message with these fields, in their order; a number that occurs more than once is a repeated field.
    package init(_ fields: [Field]) {
        for field in fields { append(field) }
    }

    private mutating func append(_ field: Field) {
        switch field {
        case .integer(let number, let value):
            append(number, .variableLength)
            append(variableLength: UInt64(bitPattern: value))
        case .double(let number, let value):
            append(number, .eightBytes)
            bytes.append(littleEndian: value.bitPattern)
        case .float(let number, let value):
            append(number, .fourBytes)
            bytes.append(littleEndian: value.bitPattern)
        case .text(let number, let value):
            append(number, lengthDelimited: Array(value.utf8))
        case .message(let number, let value):
            append(number, lengthDelimited: value.bytes)
        }
    }

    private mutating func append(_ number: Int, _ type: WireType) {
        append(variableLength: UInt64(number) << 3 | type.rawValue)
    }

    private mutating func append(_ number: Int, lengthDelimited content: [UInt8]) {
        append(number, .lengthDelimited)
        append(variableLength: UInt64(content.count))
        bytes += content
    }

    /// Appends seven bits a byte, the lowest first; all bytes but the last have the highest bit.
    private mutating func append(variableLength value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

extension [UInt8] {
    /// Appends the bytes of an integer, the lowest first.
    mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { self += $0 }
    }
}
