internal import Glibc
package import SystemPackage

/// A regular file mapped for reading, unmapped when the last reference is released.
package final class MappedFile: Sendable {
    /// The file.
    package let path: FilePath
    // Sendable: the mapping is private to this object and never written.
    private nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    /// Maps `path`.
    ///
    /// - Throws: `FormatError` if it is missing, unreadable or not a regular file.
    package init(_ path: FilePath) throws {
        self.path = path
        // O_NONBLOCK: opening a pipe would otherwise wait for a writer before it can be refused. Links are followed,
        // since the cache of the Hugging Face Hub consists of them.
        let descriptor = open(path.string, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw Self.failure(path, "opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            let isDirectory = status.st_mode & S_IFMT == S_IFDIR
            throw FormatError(path, "expected a regular file" + (isDirectory ? ", found a directory" : ""))
        }
        guard status.st_size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let start = mmap(nil, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let start, start != MAP_FAILED else {
            throw Self.failure(path, "mapped")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: status.st_size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    private static func failure(_ path: FilePath, _ what: String) -> FormatError {
        let code = errno
        return FormatError(path, "cannot be \(what): \(String(cString: strerror(code)))", code: code)
    }

    /// The number of bytes.
    package var count: Int { bytes.count }

    /// Calls `body` with the bytes of `range`, which must be within the file.
    package func withBytes<R>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range within file")
        return try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    /// Calls `body` with all bytes.
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withBytes(0..<count, body)
    }
}
