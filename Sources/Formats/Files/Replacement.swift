internal import Glibc
package import SystemPackage

extension FilePath {
    /// Checks that an output may replace what is at this path: nothing, or a regular file.
    ///
    /// A rename would remove a device, a FIFO or a link to an open file, such as `/dev/stdout`, instead of writing to it.
    ///
    /// - Throws: `FormatError` that names what is there.
    package func requireReplaceable() throws {
        guard let found = irreplaceable else { return }
        throw FormatError(self, "expected a regular file or none, found \(found); choose another path")
    }

    /// What is at the path, after resolving links, if it is not a regular file; nil if it is one, or does not exist.
    private var irreplaceable: String? {
        if isStream { return "a link to an open file of this process" }
        return switch (try? stat())?.type {
        case .directory: "a directory"
        case .fifo: "a FIFO"
        case .socket: "a socket"
        case .characterSpecial, .blockSpecial: "a device"
        default: nil
        }
    }

    /// Whether this is a link to a file that this process has open, which may be a regular file.
    private var isStream: Bool {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(string, &buffer, buffer.count)
        guard count > 0 else { return false }
        let target = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return target.hasPrefix("/proc/") || string.hasPrefix("/proc/") || string.hasPrefix("/dev/fd/")
    }
}
