internal import Glibc
internal import SystemPackage

/// A reader of files that anybody may have written, to be given any bytes.
///
/// It may read or refuse them. What it must not do is trap, hang, or refuse in more than one line.
package struct FuzzTarget: Sendable {
    typealias Reader = (UnsafeRawBufferPointer) throws -> Void

    package let name: String
    private let open: @Sendable () throws -> Reader

    init(_ name: String, _ open: @escaping @Sendable () throws -> Reader) {
        (self.name, self.open) = (name, open)
    }

    /// Makes what the reader needs in the current directory.
    ///
    /// - Returns: What gives it some bytes, and traps where it breaks the rules.
    package func start() throws -> (UnsafeRawBufferPointer) -> Void {
        let (name, read) = (name, try open())
        return { bytes in
            do {
                try read(bytes)
            } catch {
                let text = "\(error)"
                precondition(
                    !text.isEmpty && text.utf8.count < 1 << 14,
                    "\(name): an error of \(text.utf8.count) bytes"
                )
                precondition(!text.utf8.contains(UInt8(ascii: "\n")), "\(name): an error of one line: \(text)")
            }
        }
    }
}

/// A file of the current directory that takes on one content after the other.
final class ScratchFile: Sendable {
    let path: FilePath
    private let descriptor: Int32

    init(_ path: FilePath) {
        self.path = path
        descriptor = open(path.string, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        precondition(descriptor >= 0, "\(path) can be made")
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        precondition(ftruncate(descriptor, 0) == 0, "\(path) can be emptied")
        precondition(pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count, "\(path) can be written")
    }
}
