/// The ranks of a job and their operations.
///
/// All methods except `send`, `receive` and `abort` are collective: all ranks call the same methods in the same order,
/// including ranks that contribute nothing. After a reduction all ranks hold the same bits. Empty spans are allowed.
package protocol Communicator: AnyObject {
    /// This process's number, from 0.
    var rank: Int { get }
    /// The number of processes.
    var size: Int { get }
    /// This process's part of its host, as it was when the job began.
    var hostShare: HostShare { get }

    /// Replaces `values` by their sums over ranks; the order of summation is the MPI library's, fixed for a size.
    func allReduceSum(_ values: inout MutableSpan<Float>) throws
    /// Replaces `values` by their sums over ranks.
    func allReduceSum(_ values: inout MutableSpan<Double>) throws
    /// Replaces `values` by their maxima over ranks.
    func allReduceMax(_ values: inout MutableSpan<Double>) throws
    /// Replaces `bytes` by the root's.
    func broadcast(_ bytes: inout MutableSpan<UInt8>, root: Int) throws
    /// The values of all ranks in rank order on the root, nil elsewhere; each rank passes the same number of values.
    func gather(_ values: Span<Double>, root: Int) throws -> [Double]?
    /// Waits until all ranks have called it.
    func barrier() throws
    /// The lowest rank on each rank's host.
    func hostLeaders() throws -> [Int]
    /// Creates a channel with a communicator of its own, which one thread may use while another computes; nil for a
    /// single rank.
    func channel() throws -> Channel?

    /// Sends `bytes` to one rank, which receives the same number of bytes.
    ///
    /// Returns when `bytes` may be changed: for large messages, not before the other rank receives them.
    func send(_ bytes: Span<UInt8>, to rank: Int) throws
    /// Fills `bytes` with the next message from `rank`.
    func receive(_ bytes: inout MutableSpan<UInt8>, from rank: Int) throws

    /// Ends all ranks immediately with this exit code.
    func abort(code: Int32) -> Never
}

extension Communicator {
    /// The sums of `values` over ranks.
    package func sum(_ values: [Double]) throws -> [Double] {
        var sums = values
        var span = sums.mutableSpan
        try allReduceSum(&span)
        return sums
    }

    /// The largest of the ranks' values.
    package func maximum(_ value: Double) throws -> Double {
        var values = [value]
        var span = values.mutableSpan
        try allReduceMax(&span)
        return values[0]
    }

    /// The root's string.
    package func broadcast(_ string: String, root: Int) throws -> String {
        var length = [UInt8](repeating: 0, count: 8)
        withUnsafeBytes(of: UInt64(string.utf8.count).littleEndian) { length = Array($0) }
        var lengthSpan = length.mutableSpan
        try broadcast(&lengthSpan, root: root)
        let count = length.withUnsafeBytes { Int(UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))) }
        var bytes = rank == root ? Array(string.utf8) : [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        try broadcast(&span, root: root)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Replaces `values` by the root's, bit by bit.
    package func broadcast(_ values: inout MutableSpan<Float>, root: Int) throws {
        try withBytes(of: &values) { try broadcast(&$0, root: root) }
    }

    /// Sends `values` to one rank.
    package func send(_ values: Span<Float>, to rank: Int) throws {
        try values.withUnsafeBytes { bytes in
            try bytes.withMemoryRebound(to: UInt8.self) { try send($0.span, to: rank) }
        }
    }

    /// Fills `values` with the next message from `rank`.
    package func receive(_ values: inout MutableSpan<Float>, from rank: Int) throws {
        try withBytes(of: &values) { try receive(&$0, from: rank) }
    }

    private func withBytes(
        of values: inout MutableSpan<Float>,
        _ body: (inout MutableSpan<UInt8>) throws -> Void
    ) throws {
        try values.withUnsafeMutableBytes { bytes in
            try bytes.withMemoryRebound(to: UInt8.self) { buffer in
                var span = buffer.mutableSpan
                try body(&span)
            }
        }
    }

    /// Runs a local body on every rank; if any rank throws, all ranks throw the error of the lowest rank that failed.
    ///
    /// For local work between collective calls, such as opening files: no rank is left waiting for another, and all ranks
    /// know the reason, so that one rank can print it once.
    ///
    /// - Throws: `RankFailure` on every rank.
    package func agree<R>(_ body: () throws -> R) throws -> R {
        let result = Result { try body() }
        var failing = Double(size)
        var record = ""
        if case .failure(let error) = result {
            failing = Double(rank)
            record = "\(ExitStatus.of(error)) \(error)"
        }
        let lowest = size - Int(try maximum(Double(size) - failing))
        guard lowest < size else { return try result.get() }
        throw RankFailure(rank: lowest, record: try broadcast(record, root: lowest))
    }

    /// Checks that all ranks hold the same value; `what` names it in the error.
    ///
    /// - Throws: `RankFailure` on every rank, with the error of the lowest rank whose value differs from that of rank 0.
    package func requireSame(_ value: String, _ what: String) throws {
        let first = try broadcast(value, root: 0)
        try agree {
            if value != first { throw Disagreement(rank: rank, what: what) }
        }
    }
}

/// A rank's value differs from that of rank 0.
package struct Disagreement: Error, CustomStringConvertible, Equatable {
    let rank: Int
    let what: String

    package var description: String {
        "rank \(rank) has a different \(what) than rank 0; use the same on all ranks, from a file system that they share"
    }
}

/// A failure that is known on all ranks.
package struct RankFailure: Error, CustomStringConvertible, Equatable {
    /// The lowest rank that failed.
    package let rank: Int
    /// Its error's text.
    package let message: String
    /// The job's exit code.
    package let status: Int32

    /// A failure that each rank has detected by itself from the same values.
    package init(rank: Int, error: any Error) {
        (self.rank, message, status) = (rank, "\(error)", ExitStatus.of(error))
    }

    /// Decodes the record that the failed rank has broadcast: its exit code, a space, and the error's text.
    init(rank: Int, record: String) {
        let status = record.prefix(while: { $0 != " " })
        self.rank = rank
        self.status = Int32(status) ?? ExitStatus.failed
        message = String(record.dropFirst(status.count + 1))
    }

    package var description: String { message }
}
