internal import Foundation
package import SystemPackage

/// A tensor to be written; its bytes are borrowed only when they are written, so that a model is not copied in memory.
package struct SafetensorsEntry {
    package let name: String
    let elementType: ElementType
    let shape: [Int]
    /// Passes the bytes to its argument, all at once or in consecutive parts.
    let withBytes: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// The number of bytes of its elements.
    package var byteCount: Int { shape.reduce(elementType.byteCount, *) }

    /// The same tensor under another name.
    package func renamed(_ name: String) -> SafetensorsEntry {
        SafetensorsEntry(name: name, elementType: elementType, shape: shape, withBytes: withBytes)
    }

    /// A tensor of any element type, whose bytes `withBytes` passes to its argument in parts.
    package init(
        name: String,
        elementType: ElementType,
        shape: [Int],
        withBytes: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
        (self.name, self.elementType, self.shape, self.withBytes) = (name, elementType, shape, withBytes)
    }

    /// A float32 tensor whose elements `lend` passes to its argument.
    package init(
        name: String,
        shape: [Int],
        lending lend: @escaping ((Span<Float>) throws -> Void) throws -> Void
    ) {
        self.name = name
        elementType = .float32
        self.shape = shape
        withBytes = { body in
            try lend { span in try span.withUnsafeBytes { try body($0) } }
        }
    }

    /// A one-dimensional tensor of an array's elements.
    package init(name: String, _ values: [Float]) { self.init(name, .float32, values) }

    /// A one-dimensional tensor of an array's elements.
    package init(name: String, _ values: [Double]) { self.init(name, .float64, values) }

    /// A one-dimensional tensor of an array's elements.
    package init(name: String, _ values: [Int32]) { self.init(name, .int32, values) }

    /// A one-dimensional tensor of an array's elements.
    package init(name: String, _ values: [Int64]) { self.init(name, .int64, values) }

    private init<Element: BitwiseCopyable>(_ name: String, _ type: ElementType, _ values: [Element]) {
        self.name = name
        elementType = type
        shape = [values.count]
        withBytes = { body in try values.withUnsafeBytes { try body($0) } }
    }
}

/// Writes safetensors files, atomically.
package enum SafetensorsWriter {
    /// Writes `entries`, sorted by element size, largest first, then by name, like the Python library.
    package static func write(
        _ entries: [SafetensorsEntry],
        metadata: [String: String] = [:],
        to path: FilePath
    ) throws {
        try AtomicFile.write(to: path) { try append(entries, metadata: metadata, to: &$0) }
    }

    /// Appends a whole safetensors file to an empty file.
    static func append(
        _ entries: [SafetensorsEntry],
        metadata: [String: String],
        to file: inout AtomicFile
    ) throws {
        let entries = entries.sorted {
            ($1.elementType.byteCount, $0.name) < ($0.elementType.byteCount, $1.name)
        }
        let header = try header(entries, metadata)
        try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.append($0) }
        try header.withUnsafeBytes { try file.append($0) }
        for entry in entries {
            var byteCount = 0
            try entry.withBytes { bytes in
                byteCount += bytes.count
                try file.append(bytes)
            }
            precondition(byteCount == entry.byteCount, "tensor \(entry.name) has the size of its shape")
        }
    }

    private static func header(_ entries: [SafetensorsEntry], _ metadata: [String: String]) throws -> Data {
        var object: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
        var offset = 0
        for entry in entries {
            precondition(object[entry.name] == nil, "tensor \(entry.name) is written once")
            object[entry.name] = [
                "dtype": entry.elementType.rawValue,
                "shape": entry.shape,
                "data_offsets": [offset, offset + entry.byteCount],
            ]
            offset += entry.byteCount
        }
        var json = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        // Padded with spaces to a multiple of eight bytes, so that every element is aligned when mapped.
        json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
        return json
    }
}
