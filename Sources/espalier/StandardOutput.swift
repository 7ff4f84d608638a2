internal import Collectives
internal import Glibc
internal import Reporting

/// Standard output, whose errors are reported at the end of a command.
enum StandardOutput {
    /// Writes what is buffered.
    ///
    /// If nobody reads it any more, as with `| head`, the process ends by SIGPIPE, as other programs do.
    ///
    /// - Returns: The exit code of a command that ends with `status`: another one if its output is lost.
    static func finish(_ status: Int32) -> Int32 {
        guard fflush(nil) != 0 else { return status }
        let code = errno
        if code == EPIPE {
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        let reason = String(cString: strerror(code))
        printNotice("error: standard output: cannot be written: \(reason); free some space, or write elsewhere")
        return status == 0 ? ExitStatus.outputFailed : status
    }
}
