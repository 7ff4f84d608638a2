internal import CMPI
internal import Glibc

/// The job of this process: the ranks of MPI if a launcher started it, else this process alone.
package struct World: ~Copyable {
    /// How many threads may call MPI.
    package enum ThreadSupport: Int32, Sendable {
        case single = 0
        case funneled, serialized, multiple
    }

    /// All ranks of the job.
    package let communicator: any Communicator

    /// Joins the job.
    ///
    /// - Throws: `CollectiveError` if MPI does not start, `LauncherMismatch` if it does not connect the processes of
    ///   the launcher.
    package init() throws {
        guard Self.isLaunched else {
            try Launcher.check(ranks: 1)
            communicator = SoloCommunicator()
            return
        }
        let code = cmpi_init()
        guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Init_thread", rank: -1) }
        let communicator = try MPICommunicator()
        do {
            try Launcher.check(ranks: communicator.size)
        } catch {
            cmpi_finalize()
            throw error
        }
        self.communicator = communicator
    }

    /// Finalizes MPI; every rank calls it.
    package consuming func finalize() throws {
        guard Self.isLaunched else { return }
        let code = cmpi_finalize()
        guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Finalize", rank: communicator.rank) }
    }

    /// Ends all ranks immediately, from any thread and in any state.
    package static func abort(code: Int32) -> Never {
        if isLaunched { cmpi_abort(code) }
        _exit(code)
    }

    /// Whether an MPI launcher started this process.
    package static var isLaunched: Bool { Launcher.isPresent }

    /// This process's rank as its launcher counts, before the job is joined; nil without a launcher.
    package static var launcherRank: Int? { Launcher.rank }

    /// What started this process, such as "srun --mpi=pmi2"; nil without a launcher.
    package static var starter: String? { isLaunched ? Launcher.starter : nil }

    /// The thread support that MPI granted; nil without MPI.
    package static var threadSupport: ThreadSupport? {
        var level: Int32 = 0
        guard isLaunched, cmpi_thread_level(&level) == 0 else { return nil }
        return ThreadSupport(rawValue: level)
    }

    /// The name and version of the MPI library that is loaded.
    package static var libraryVersion: String {
        MPILibrary.nameAndVersion(in: String(cString: cmpi_library_version()))
    }

    /// Runs a command on every rank and returns the process's exit code.
    ///
    /// A failure that is known on all ranks (`RankFailure`) is printed by rank 0, and each rank finalizes MPI. Any other
    /// error is printed by its rank, which aborts all ranks, since they may be waiting for it.
    package static func run(_ body: (any Communicator) throws -> Void) -> Int32 {
        do {
            let world = try World()
            let status = outcome(world.communicator, body)
            try world.finalize()
            return status
        } catch {
            report("\(error)")
            return ExitStatus.of(error)
        }
    }

    private static func outcome(
        _ communicator: any Communicator,
        _ body: (any Communicator) throws -> Void
    ) -> Int32 {
        do {
            try body(communicator)
            return 0
        } catch let failure as RankFailure {
            if communicator.rank == 0 { report(failure.message) }
            return failure.status
        } catch {
            report(communicator.size > 1 ? "rank \(communicator.rank): \(error)" : "\(error)")
            communicator.abort(code: ExitStatus.of(error))
        }
    }

    private static func report(_ message: String) {
        // A single call, so that lines of several ranks are not interleaved.
        let line = Array("error: \(message)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
