internal import CMPI
internal import Glibc

/// Messages between ranks, apart from all others, for one thread at a time.
///
/// Open MPI makes no progress by itself, and a thread that waits inside it takes a processor away from those that
/// compute. So messages are begun, and `wait` looks after them now and then and sleeps between.
package final class Channel {
    let rank: Int
    private let handle: Int32
    /// For each rank the lowest on its host; empty where that does not matter.
    private(set) var leaders: [Int] = []
    /// What has been begun and is not complete.
    private var requests: [Int32] = []

    /// Every rank makes one; it lasts as long as MPI.
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

    /// Begins whatever MPI call `body` makes on the channel of this handle.
    func begin(_ call: String, _ body: (_ handle: Int32, _ request: UnsafeMutablePointer<Int32>) -> Int32) throws {
        requests.append(try request(call) { body(handle, $0) })
    }

    /// Returns when all that was begun is complete.
    func wait() throws {
        while let first = requests.first {
            try complete(first)
            requests.removeFirst()
        }
    }

    /// Runs an exchange of values among all ranks, which counts as one collective call, however many rounds it has.
    func exchange<Element>(
        _ values: inout MutableSpan<Element>,
        _ body: (UnsafeMutableBufferPointer<Element>) throws -> Void
    ) throws {
        try Progress.during("exchange(_:)") { try values.withUnsafeMutableBufferPointer(body) }
    }

    // MARK: Single requests

    /// Begins to send at least a byte; complete when the other rank takes it.
    func beginSend(_ bytes: UnsafeRawBufferPointer, to peer: Int) throws -> Int32 {
        try request("MPI_Issend of \(bytes.count) bytes to rank \(peer)") { request in
            cmpi_issend(handle, bytes.baseAddress, bytes.count, Int32(peer), request)
        }
    }

    /// Begins to receive at least a byte.
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

    /// Returns when this request is complete; others make progress meanwhile.
    func complete(_ request: Int32) throws { _ = try complete(anyOf: [request]) }

    /// Returns when one of some requests is complete: its index.
    func complete(anyOf requests: [Int32]) throws -> Int {
        // Small messages between ranks of one host take microseconds: a sleep would be longer.
        let (patience, shortest, longest) = (50, UInt32(20), UInt32(100))
        var (index, isDone, looks, pause) = (Int32(0), Int32(0), 0, shortest)
        while true {
            let code = cmpi_test_any(requests, Int32(requests.count), &index, &isDone)
            guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Testany", rank: rank) }
            guard isDone == 0 else { return Int(index) }
            looks += 1
            guard looks > patience else { continue }
            usleep(pause)
            pause = min(2 * pause, longest)
        }
    }
}
