package import Collectives
internal import Formats
internal import Glibc
package import SystemPackage

/// Ends a job in which nothing moves any more, on every host, as long as it lives.
///
/// A rank that waits in a collective call cannot tell a slow rank from a dead one, and the communicator hangs with it. So
/// each rank has threads of its own that see whether it moves (`Progress`), and leave and read word in a directory that
/// all share (`StallWatch`).
package final class Watchdog {
    private let watch: StallWatch
    private let directory: StallDirectory

    /// Starts to watch this rank; collective.
    ///
    /// - Parameters:
    ///   - output: The directory that rank 0 writes to and has locked.
    ///   - timeout: Seconds without any progress, at least 1.
    /// - Returns: Nil where `timeout` is 0.
    package static func start(
        output: FilePath,
        timeout: Double,
        communicator: any Communicator
    ) throws -> Watchdog? {
        guard timeout > 0 else { return nil }
        let directory = StallDirectory(in: output)
        // What an earlier run has left; its lock is in the hands of this one.
        if communicator.rank == 0 { directory.remove() }
        let isSeen = access(output.appending(DirectoryLock.fileName).string, F_OK) == 0
        let own = "\(Host.name) \(getpid()) \(isSeen)"
        let members = try (0..<communicator.size).map { rank in
            let words = try communicator.broadcast(own, root: rank).split(separator: " ").map { String($0) }
            return JobMember(rank: rank, host: words[0], process: Int32(words[1]) ?? 0, seesOutput: words[2] == "true")
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
        // The launcher wakes a stopped rank before it kills it: the run then goes on for a moment, and may come to its end.
        if watch.rank == 0, !watch.hasFired { directory.remove() }
    }
}
