package import SystemPackage

/// A read-only, memory-mapped safetensors file.
package final class SafetensorsFile: Sendable {
    /// The metadata of the header.
    package let metadata: [String: String]
    /// The tensors by name.
    package let tensors: [String: TensorInfo]
    private let file: MappedFile
    let content: SafetensorsContent

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

    /// Whether two tensors have the same type, shape and bytes.
    package func areIdentical(_ a: String, _ b: String) throws -> Bool {
        let (first, second) = (try info(a), try info(b))
        guard first.elementType == second.elementType, first.shape == second.shape else { return false }
        return withBytes(first) { first in withBytes(second) { first.elementsEqual($0) } }
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
