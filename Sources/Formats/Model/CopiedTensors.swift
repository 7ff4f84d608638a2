internal import SystemPackage

/// Tensors of a model's files that are copied to other files byte for byte, in their stored type.
///
/// They are not held in memory: their bytes are read from the model's files when they are written, and compared with their
/// digests, so that a model that has changed since is not copied in part.
package struct CopiedTensors: Sendable {
    private struct Tensor: Sendable {
        let info: TensorInfo
        let file: FilePath
        /// SHA-256 of the bytes, in hexadecimal.
        let digest: String
    }

    /// The bytes that are in memory at a time.
    private static let partBytes = 1 << 20

    private let tensors: [Tensor]

    /// Reads these tensors of a model once, for their digests.
    ///
    /// - Parameter progress: Called after each part.
    /// - Throws: `FormatError` that names the tensor that cannot be read.
    package init(_ names: [String], of weights: ModelWeights, progress: () -> Void = {}) throws {
        tensors = try names.map { name in
            let (info, file) = try weights.info(name)
            var digest = Digest()
            try Self.forEachPart(of: info, in: file) {
                digest.update($0)
                progress()
            }
            return Tensor(info: info, file: file, digest: digest.hexadecimal)
        }
    }

    /// The number of bytes of all tensors.
    package var byteCount: Int { tensors.reduce(0) { $0 + $1.info.byteRange.count } }

    /// The tensors as entries of a file.
    ///
    /// Writing one throws `FormatError` if its bytes have changed, or are no longer there.
    ///
    /// - Parameter progress: Called after each part.
    package func entries(progress: @escaping () -> Void = {}) -> [SafetensorsEntry] {
        tensors.map { tensor in
            let info = tensor.info
            return SafetensorsEntry(name: info.name, elementType: info.elementType, shape: info.shape) { body in
                var digest = Digest()
                try Self.forEachPart(of: info, in: tensor.file) {
                    digest.update($0)
                    try body($0)
                    progress()
                }
                guard digest.hexadecimal == tensor.digest else {
                    throw Self.fault(info, tensor.file, "has changed since the run has read it")
                }
            }
        }
    }

    private static func forEachPart(
        of info: TensorInfo,
        in file: FilePath,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        // Read instead of mapped: pages of a mapping count as memory of the process, and a file that is cut kills it.
        let descriptor = try call(info, file) { try FileDescriptor.open(file, .readOnly, options: .closeOnExec) }
        defer { try? descriptor.close() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: partBytes, alignment: 16)
        defer { buffer.deallocate() }
        var offset = info.byteRange.lowerBound
        while offset < info.byteRange.upperBound {
            let rest = info.byteRange.upperBound - offset
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(rest))
            let count = try call(info, file) { try descriptor.read(fromAbsoluteOffset: Int64(offset), into: part) }
            guard count > 0 else { throw fault(info, file, "has changed since the run has read it") }
            try body(UnsafeRawBufferPointer(rebasing: part.prefix(count)))
            offset += count
        }
    }

    private static func call<R>(_ info: TensorInfo, _ file: FilePath, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as Errno {
            throw fault(info, file, "cannot be read: \(error)")
        }
    }

    private static func fault(_ info: TensorInfo, _ file: FilePath, _ what: String) -> FormatError {
        FormatError(
            file,
            "tensor \(info.name), which is copied to the output, \(what); restore the model, then continue with --resume"
        )
    }
}
