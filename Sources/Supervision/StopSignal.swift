internal import CSignals
package import Collectives
internal import Glibc
internal import Reporting

/// The signals by which schedulers and people ask a process to stop: SIGUSR1, SIGUSR2, SIGTERM and SIGINT.
package enum StopSignal {
    /// From now on they are noted, in place of ending the process; a second SIGINT ends it all the same.
    package static func watch() { csignals_watch() }

    /// Whether one has come.
    package static var isRaised: Bool { csignals_noted() != 0 }

    /// Whether SIGTERM was the first, which mpirun sends a second before it kills.
    package static var isTermination: Bool { csignals_noted() == SIGTERM }

    /// Ends what all ranks do together where one has come to any of them; collective.
    ///
    /// - Parameter place: Where that is, told after `stopped`.
    /// - Throws: `Interrupted` on every rank.
    package static func check(_ communicator: any Communicator, _ place: @autoclosure () -> String) throws {
        guard try communicator.maximum(isRaised ? 1 : 0) > 0 else { return }
        if communicator.rank == 0 { printNotice("stopped \(place())") }
        throw Interrupted()
    }
}

/// A run was asked to stop, by a signal to any rank, and has done so; known to every rank.
package struct Interrupted: Error {
    package static let exitCode = ExitStatus.stopped

    /// What `StopSignal.check` throws, and whoever else ends a run in order.
    package init() {}
}
