internal import CSignals
package import Collectives
internal import Glibc
internal import Reporting

/// The signals by which schedulers and users stop a process: SIGUSR1, SIGUSR2, SIGTERM and SIGINT.
package enum StopSignal {
    /// Installs a handler that records the signals instead of ending the process; a second SIGINT ends it nevertheless.
    package static func watch() { csignals_watch() }

    /// Whether a signal was received.
    package static var isRaised: Bool { csignals_noted() != 0 }

    /// Whether SIGTERM was the first; mpirun sends it a second before SIGKILL.
    package static var isTermination: Bool { csignals_noted() == SIGTERM }

    /// Ends the work of all ranks if any of them received a signal; collective.
    ///
    /// - Parameter place: The position of the stop in the run, printed after `stopped`.
    /// - Throws: `Interrupted` on every rank.
    package static func check(_ communicator: any Communicator, _ place: @autoclosure () -> String) throws {
        guard try communicator.maximum(isRaised ? 1 : 0) > 0 else { return }
        if communicator.rank == 0 { printNotice("stopped \(place())") }
        throw Interrupted()
    }
}

/// A signal to any rank stopped the run in order; every rank throws it.
package struct Interrupted: Error {
    package static let exitCode = ExitStatus.stopped

    /// An error of a run that stopped in order.
    package init() {}
}
