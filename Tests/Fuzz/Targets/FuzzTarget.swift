internal import Glibc
internal import SystemPackage

/// A reader of untrusted files, which is called with arbitrary bytes.
///
/// It may accept or refuse them, but must not trap, hang, or refuse in more than one line.
package struct FuzzTarget: Sendable {
    typealias Reader = (UnsafeRawBufferPointer) throws -> Void

    package let name: String
    private let open: @Sendable () throws -> Reader

    init(_ name: String, _ open: @escaping @Sendable () throws -> Reader) {
        (self.name, self.open) = (name, open)
    }

    /// Prepares the files that the reader needs in the current directory.
    ///
    /// - Returns: A function that passes bytes to the reader, and traps if it breaks these rules.
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

/// A file of the current directory whose content is replaced for each input.
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
