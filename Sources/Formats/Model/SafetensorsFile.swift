package import SystemPackage

/// A read-only, memory-mapped safetensors file.
package final class SafetensorsFile: Sendable {
    /// The metadata of the header.
    package let metadata: [String: String]
    /// The tensors by name.
    package let tensors: [String: TensorInfo]
    private let file: MappedFile
    private let content: SafetensorsContent

    /// Opens and validates a file.
    ///
    /// - Parameter content: The expected content, which errors name.
    /// - Throws: `FormatError` for any inconsistency.
    package init(_ path: FilePath, _ content: SafetensorsContent = .tensors) throws {
        file = try MappedFile(path)
        self.content = content
        let header = try SafetensorsHeader(file, content)
        metadata = header.metadata
        tensors = header.tensors
    }

    /// The file.
    package var path: FilePath { file.path }

    /// The header entry of `name`; the error for an unknown name suggests the nearest one.
    package func info(_ name: String) throws -> TensorInfo {
        if let info = tensors[name] { return info }
        let hint = nearest(to: name, among: tensors.keys.sorted()).map { "; the nearest is \($0)" } ?? ""
        throw FormatError(path, "has no tensor \(name)\(hint)")
    }

    /// Checks that `read` can read a tensor with this shape.
    package func check(_ name: String, shape: [Int]) throws {
        let info = try info(name)
        guard info.shape == shape else {
            throw FormatError(path, "tensor \(name): expected shape \(shape), as config.json says, found \(info.shape)")
        }
        guard [.float32, .bfloat16, .float16].contains(info.elementType) else {
            let found = info.elementType.rawValue
            throw FormatError(path, "tensor \(name): expected F32, BF16 or F16, found \(found)\(content.typeRemedy)")
        }
    }

    /// Reads a tensor of F32, BF16 or F16 as float32.
    ///
    /// - Parameters:
    ///   - shape: The required shape.
    ///   - values: One for each element of the shape, overwritten.
    package func read(_ name: String, shape: [Int], into values: inout MutableSpan<Float>) throws {
        try forEachPart(of: name, shape: shape, of: &values) { _, _ in }
    }

    /// Reads a tensor as `read` does, and checks that its values are finite.
    ///
    /// - Throws: `FormatError` that names the tensor and the position of the first infinite value or NaN.
    package func readFinite(_ name: String, shape: [Int], into values: inout MutableSpan<Float>) throws {
        try forEachPart(of: name, shape: shape, of: &values) { start, part in
            guard hasNonFinite(part), let index = part.firstIndex(where: { !$0.isFinite }) else { return }
            let found = part[index].isNaN ? "nan" : "\(part[index])"
            let place = position(of: start + index, in: shape)
            let remedy =
                content == .checkpoint
                ? content.remedy : "download the model again, or use an earlier checkpoint if its training diverged"
            throw FormatError(path, "tensor \(name): expected finite numbers, found \(found) at \(place); \(remedy)")
        }
    }

    /// Reads a tensor in parts that fit the cache, and passes each to `body` with the index of its first value.
    private func forEachPart(
        of name: String,
        shape: [Int],
        of values: inout MutableSpan<Float>,
        _ body: (Int, UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        try check(name, shape: shape)
        let info = try info(name)
        precondition(values.count == info.elementCount, "one value for each element of the tensor")
        try values.withUnsafeMutableBufferPointer { values in
            try file.withBytes(info.byteRange) { bytes in
                for start in stride(from: 0, to: values.count, by: 1 << 14) {
                    let end = min(start + 1 << 14, values.count)
                    let part = UnsafeMutableBufferPointer(rebasing: values[start..<end])
                    let size = info.elementType.byteCount
                    let source = UnsafeRawBufferPointer(rebasing: bytes[size * start..<size * end])
                    convert(source, info.elementType, into: part)
                    try body(start, part)
                }
            }
        }
    }

    /// Lends the bytes of a tensor of this file.
    func withBytes<R>(_ info: TensorInfo, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try file.withBytes(info.byteRange, body)
    }

    /// The elements of an F32 tensor.
    package func float32s(_ name: String) throws -> [Float] { try array(name, .float32) }

    /// The elements of an F64 tensor.
    package func float64s(_ name: String) throws -> [Double] { try array(name, .float64) }

    /// The elements of an I32 tensor.
    package func int32s(_ name: String) throws -> [Int32] { try array(name, .int32) }

    /// The elements of an I64 tensor.
    package func int64s(_ name: String) throws -> [Int64] { try array(name, .int64) }

    private func array<Element: BitwiseCopyable>(_ name: String, _ type: ElementType) throws -> [Element] {
        let info = try info(name)
        guard info.elementType == type else {
            throw FormatError(path, "tensor \(name): expected \(type.rawValue), found \(info.elementType.rawValue)")
        }
        return file.withBytes(info.byteRange) { bytes in
            [Element](unsafeUninitializedCapacity: info.elementCount) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = info.elementCount
            }
        }
    }
}

/// Converts elements of F32, BF16 or F16 to float32.
private func convert(
    _ bytes: UnsafeRawBufferPointer,
    _ type: ElementType,
    into values: UnsafeMutableBufferPointer<Float>
) {
    switch type {
    case .float32:
        UnsafeMutableRawBufferPointer(values).copyMemory(from: bytes)
    case .bfloat16:
        for index in values.indices {
            let bits = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
            values[index] = Float(bitPattern: UInt32(bits) << 16)
        }
    case .float16:
        for index in values.indices {
            values[index] = float(half: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
        }
    default:
        preconditionFailure("the type is checked")
    }
}

/// Whether any value is infinite or NaN.
///
/// Their exponents consist of ones, so that adding one to it carries into the sign. Without branches: vectorized.
private func hasNonFinite(_ values: UnsafeMutableBufferPointer<Float>) -> Bool {
    var carries: UInt32 = 0
    for value in values { carries |= (value.bitPattern & 0x7FFF_FFFF) &+ 0x0080_0000 }
    return carries >> 31 != 0
}

/// The indices of an element of a tensor.
private func position(of index: Int, in shape: [Int]) -> [Int] {
    var (rest, indices) = (index, [Int]())
    for size in shape.reversed() {
        indices.insert(rest % size, at: 0)
        rest /= size
    }
    return indices
}

/// An IEEE 754 half-precision number as float32, exactly; NaN stays NaN.
private func float(half bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
        let magnitude = Float(fraction) * 0x1p-24
        return sign == 0 ? magnitude : -magnitude
    case 31:
        return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default:
        return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
}
