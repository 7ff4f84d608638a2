internal import CMPI
internal import Glibc

/// Messages between ranks on a communicator of their own, for one thread at a time.
///
/// Open MPI makes no asynchronous progress, and a thread that waits in a blocking call occupies a processor that computing
/// threads need. All operations are therefore nonblocking, and waiting polls them and sleeps in between.
package final class Channel {
    let rank: Int
    private let handle: Int32
    /// For each rank the lowest on its host; empty where that does not matter.
    private(set) var leaders: [Int] = []
    /// Requests that were started and are not complete.
    private var requests: [Int32] = []

    /// Duplicates the world communicator until MPI ends; all ranks call it.
    init(rank: Int) throws {
        var handle: Int32 = 0
        let code = cmpi_duplicate(&handle)
        guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Comm_dup", rank: rank) }
        (self.rank, self.handle) = (rank, handle)
    }

    /// Sets the lowest rank on each rank's host, so that messages between hosts go in pieces; the same on every rank.
    package func setHosts(leaders: [Int]) { self.leaders = leaders }

    /// Whether a rank is on another host than this one.
    func isRemote(_ peer: Int) -> Bool { !leaders.isEmpty && leaders[peer] != leaders[rank] }

    /// Starts the nonblocking MPI call that `body` makes on the communicator of this handle.
    func begin(_ call: String, _ body: (_ handle: Int32, _ request: UnsafeMutablePointer<Int32>) -> Int32) throws {
        requests.append(try request(call) { body(handle, $0) })
    }

    /// Waits until all started requests are complete.
    func wait() throws {
        while let first = requests.first {
            try complete(first)
            requests.removeFirst()
        }
    }

    /// Runs an exchange among all ranks, which counts as one collective call regardless of its number of rounds.
    func exchange<Element>(
        _ values: inout MutableSpan<Element>,
        _ body: (UnsafeMutableBufferPointer<Element>) throws -> Void
    ) throws {
        try Progress.during("exchange(_:)") { try values.withUnsafeMutableBufferPointer(body) }
    }

    // MARK: Single requests

    /// Starts to send at least one byte; complete when the other rank receives it.
    func beginSend(_ bytes: UnsafeRawBufferPointer, to peer: Int) throws -> Int32 {
        try request("MPI_Issend of \(bytes.count) bytes to rank \(peer)") { request in
            cmpi_issend(handle, bytes.baseAddress, bytes.count, Int32(peer), request)
        }
    }

    /// Starts to receive at least one byte.
    func beginReceive(_ bytes: UnsafeMutableRawBufferPointer, from peer: Int) throws -> Int32 {
        try request("MPI_Irecv of \(bytes.count) bytes from rank \(peer)") { request in
            cmpi_ireceive(handle, bytes.baseAddress, bytes.count, Int32(peer), request)
        }
    }

    private func request(_ call: String, _ body: (UnsafeMutablePointer<Int32>) -> Int32) throws -> Int32 {
        var request: Int32 = 0
        let code = body(&request)
        guard code == 0 else { throw CollectiveError(code: code, call: call, rank: rank) }
        return request
    }

    /// Waits until a request is complete; other requests make progress meanwhile.
    func complete(_ request: Int32) throws { _ = try complete(anyOf: [request]) }

    /// Waits until one of the requests is complete, and returns its index.
    func complete(anyOf requests: [Int32]) throws -> Int {
        // Small messages between ranks of one host take microseconds, less than a sleep.
        let (spinLimit, shortest, longest) = (50, UInt32(20), UInt32(100))
        var (index, isDone, polls, pause) = (Int32(0), Int32(0), 0, shortest)
        while true {
            let code = cmpi_test_any(requests, Int32(requests.count), &index, &isDone)
            guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Testany", rank: rank) }
            guard isDone == 0 else { return Int(index) }
            polls += 1
            guard polls > spinLimit else { continue }
            usleep(pause)
            pause = min(2 * pause, longest)
        }
    }
}
