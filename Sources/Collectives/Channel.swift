internal import CMPI
internal import Glibc

/// Messages between ranks, apart from all others, for one thread at a time.
///
/// Open MPI makes no progress by itself, and a thread that waits inside it takes a processor away from those that
/// compute. So messages are begun, and `wait` looks after them now and then and sleeps between.
package final class Channel {
    private let rank: Int
    private let handle: Int32
    /// What has been begun and is not complete.
    private var requests: [Int32] = []

    /// Every rank makes one; it lasts as long as MPI.
    init(rank: Int) throws {
        var handle: Int32 = 0
        let code = cmpi_duplicate(&handle)
        guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Comm_dup", rank: rank) }
        (self.rank, self.handle) = (rank, handle)
    }

    /// Begins to send, unless there is nothing to send; `elements` stay as they are until `wait` returns.
    func send<Element>(_ elements: UnsafeBufferPointer<Element>, to peer: Int) throws {
        let bytes = UnsafeRawBufferPointer(elements)
        guard !bytes.isEmpty else { return }
        try begin("MPI_Isend of \(bytes.count) bytes to rank \(peer)") { request in
            cmpi_isend(handle, bytes.baseAddress, bytes.count, Int32(peer), request)
        }
    }

    /// Begins to receive, unless there is no room; `elements` are there when `wait` returns.
    func receive<Element>(_ elements: UnsafeMutableBufferPointer<Element>, from peer: Int) throws {
        let bytes = UnsafeMutableRawBufferPointer(elements)
        guard !bytes.isEmpty else { return }
        try begin("MPI_Irecv of \(bytes.count) bytes from rank \(peer)") { request in
            cmpi_ireceive(handle, bytes.baseAddress, bytes.count, Int32(peer), request)
        }
    }

    /// Begins whatever MPI call `body` makes on the channel of this handle.
    func begin(_ call: String, _ body: (_ handle: Int32, _ request: UnsafeMutablePointer<Int32>) -> Int32) throws {
        try begin(call) { body(handle, $0) }
    }

    private func begin(_ call: String, _ body: (UnsafeMutablePointer<Int32>) -> Int32) throws {
        var request: Int32 = 0
        let code = body(&request)
        guard code == 0 else { throw CollectiveError(code: code, call: call, rank: rank) }
        requests.append(request)
    }

    /// Returns when all that was begun is complete; counts as one collective call.
    func wait() throws {
        try Progress.during("exchange(_:)", poll)
    }

    private func poll() throws {
        // Small messages between ranks of one host take microseconds: a sleep would be longer.
        let (patience, shortest, longest) = (50, UInt32(20), UInt32(100))
        var (looks, pause) = (0, shortest)
        while !requests.isEmpty {
            let before = requests.count
            try requests.removeAll(where: isComplete)
            guard requests.count == before else {
                (looks, pause) = (0, shortest)
                continue
            }
            looks += 1
            guard looks > patience else { continue }
            usleep(pause)
            pause = min(2 * pause, longest)
        }
    }

    private func isComplete(_ request: Int32) throws -> Bool {
        var (request, isDone) = (request, Int32(0))
        let code = cmpi_test(&request, &isDone)
        guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Test", rank: rank) }
        return isDone != 0
    }
}
