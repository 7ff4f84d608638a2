/// The exit codes of a failed command, by which `launch/supervise` and batch scripts decide whether to restart it.
package enum ExitStatus {
    /// A failure that may not occur again, such as a full disk.
    package static let failed: Int32 = 1
    /// EX_USAGE of `sysexits.h`, the argument parser's exit code too: settings, model, data or launcher are at fault, and
    /// the same command would be refused again.
    package static let refused: Int32 = 64
    /// EX_IOERR of `sysexits.h`: standard output could not be written.
    package static let outputFailed: Int32 = 74
    /// EX_TEMPFAIL of `sysexits.h`: stopped by a signal after a checkpoint; the same command resumes from it.
    package static let stopped: Int32 = 75
    /// The exit code of `timeout(1)`: the watchdog ended a job that made no progress.
    package static let stalled: Int32 = 124

    /// The exit code of a command that fails with this error.
    static func of(_ error: any Error) -> Int32 {
        if let failure = error as? RankFailure { return failure.status }
        return (error as? any Refusal)?.isRefusal == true ? refused : failed
    }
}

/// An error that may be caused by settings, model or data.
package protocol Refusal: Error {
    /// Whether the same command would fail with it again.
    var isRefusal: Bool { get }
}
