internal import Foundation
internal import Glibc

/// The width of the terminals on which output ends.
package enum Terminal {
    /// The columns of the terminal of standard output; nil for a file or a pipe.
    package static var outputColumns: Int? { columns(of: STDOUT_FILENO) }
    /// The columns of the terminal of standard error; nil for a file or a pipe.
    package static var errorColumns: Int? { columns(of: STDERR_FILENO) }

    /// A rank writes to a pipe of mpirun, which forwards it: the terminal is that of mpirun's own stream, visible on
    /// its host.
    private static func columns(of stream: Int32) -> Int? {
        guard ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] != nil else { return columns(at: stream) }
        let descriptor = open("/proc/\(getppid())/fd/\(stream)", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return columns(at: descriptor)
    }

    private static func columns(at descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
