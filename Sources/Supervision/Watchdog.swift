package import Collectives
internal import Formats
internal import Glibc
package import SystemPackage

/// Ends a job without progress, on every host, for as long as the watchdog lives.
///
/// A rank in a collective call cannot distinguish a slow rank from a dead one, and the communicator hangs with it. Each
/// rank therefore has threads that observe its progress (`Progress`), and exchange status records through a shared
/// directory (`StallWatch`).
package final class Watchdog {
    private let watch: StallWatch
    private let directory: StallDirectory

    /// Starts to watch this rank; collective.
    ///
    /// - Parameters:
    ///   - output: The directory that rank 0 writes to and has locked.
    ///   - timeout: Seconds without any progress after which the job ends, at least 1; 0 switches the watchdog off.
    /// - Returns: Nil if `timeout` is 0.
    package static func start(
        output: FilePath,
        timeout: Double,
        communicator: any Communicator
    ) throws -> Watchdog? {
        guard timeout > 0 else { return nil }
        let directory = StallDirectory(in: output)
        // Records of an earlier run; this run holds the lock of the directory.
        if communicator.rank == 0 { directory.remove() }
        let isSeen = access(output.appending(DirectoryLock.fileName).string, F_OK) == 0
        let own = "\(Host.name) \(getpid()) \(isSeen)"
        let members = try (0..<communicator.size).map { rank in
            let fields = try communicator.broadcast(own, root: rank).split(separator: " ").map { String($0) }
            return JobMember(
                rank: rank,
                host: fields[0],
                process: Int32(fields[1]) ?? 0,
                seesOutput: fields[2] == "true"
            )
        }
        let watch = StallWatch(members: members, rank: communicator.rank, directory: directory, timeout: timeout)
        watch.start()
        return Watchdog(watch, directory)
    }

    private init(_ watch: StallWatch, _ directory: StallDirectory) {
        (self.watch, self.directory) = (watch, directory)
    }

    deinit {
        watch.end()
        // The launcher continues a stopped rank before it kills it: the run may then reach its end.
        if watch.rank == 0, !watch.hasFired { directory.remove() }
    }
}
