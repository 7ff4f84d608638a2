internal import Foundation
internal import Glibc

/// Whether somebody watches, and how wide the window is.
package enum Terminal {
    /// The columns of the terminal on which standard output ends; nil where it is a file or a pipe.
    package static var outputColumns: Int? { columns(of: STDOUT_FILENO) }
    /// The columns of the terminal on which standard error ends; nil where it is a file or a pipe.
    package static var errorColumns: Int? { columns(of: STDERR_FILENO) }

    /// A rank writes to mpirun, which passes everything on: what counts there is mpirun's own stream, which can be
    /// seen where it runs on this host.
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
