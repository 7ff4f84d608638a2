internal import Glibc
package import SystemPackage

/// Writes all bytes to a file from an offset on, however many calls of the system that takes.
///
/// - Parameter path: The file's name in an error.
/// - Throws: `FormatError` if they cannot be written; some of them may be in the file then.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32, at offset: Int, of path: FilePath) throws {
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
            pwrite(descriptor, buffer.baseAddress! + written, buffer.count - written, off_t(offset + written))
        }
        if count < 0 {
            if errno == EINTR { continue }
            throw AtomicFile.failure(path)
        }
        written += count
    }
}
