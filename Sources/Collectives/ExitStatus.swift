/// How a command ends, beside 0: by this people, `launch/supervise` and batch scripts tell whether to start it again.
package enum ExitStatus {
    /// Something failed that may go well another time.
    package static let failed: Int32 = 1
    /// EX_USAGE of `sysexits.h`, as the parser of arguments ends too: settings, model or data are at fault, and the same
    /// command would be refused again.
    package static let refused: Int32 = 64
    /// EX_TEMPFAIL of `sysexits.h`: asked to stop, and saved; the same command, started again, goes on.
    package static let stopped: Int32 = 75
    /// As `timeout(1)` ends: nothing moved any more, and the watchdog ended the job.
    package static let stalled: Int32 = 124

    /// How a command ends that fails with this error.
    static func of(_ error: any Error) -> Int32 {
        if let failure = error as? RankFailure { return failure.status }
        return (error as? any Refusal)?.isRefusal == true ? refused : failed
    }
}

/// An error that may be the fault of settings, model or data.
package protocol Refusal: Error {
    /// Whether the same command would meet it again.
    var isRefusal: Bool { get }
}
