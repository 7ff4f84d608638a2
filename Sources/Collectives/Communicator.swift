/// The ranks of a job and what they can do together.
///
/// Every member but `send` and `receive` is collective: all ranks call the same members in the same order, also a rank
/// that has nothing to give. After a reduction all ranks hold the same bits. Empty spans are allowed everywhere.
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
    /// The values of all ranks in rank order on the root, nil elsewhere; every rank gives as many.
    func gather(_ values: Span<Double>, root: Int) throws -> [Double]?
    /// Returns when every rank has called it.
    func barrier() throws
    /// For each rank the lowest rank on its host.
    func hostLeaders() throws -> [Int]
    /// A way for messages apart from all others, which one thread may use while another computes; nil where there is no
    /// other rank.
    func channel() throws -> Channel?

    /// Sends `bytes` to one rank, which receives as many; alone of all members this and `receive` are not collective.
    ///
    /// Returns when `bytes` may be changed, for large ones not before the other rank receives them.
    func send(_ bytes: Span<UInt8>, to rank: Int) throws
    /// Fills `bytes` with what `rank` sends to this one next.
    func receive(_ bytes: inout MutableSpan<UInt8>, from rank: Int) throws

    /// Ends all ranks at once with this exit code.
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

    /// Fills `values` with what `rank` sends to this one next.
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

    /// Runs a local body on every rank; where any throws, all throw the lowest failing rank's error.
    ///
    /// For what each rank does alone between collective calls, such as opening files: nobody is left waiting, and the
    /// reason is known everywhere, so that one rank can print it once.
    ///
    /// - Throws: `RankFailure` on every rank.
    package func agree<R>(_ body: () throws -> R) throws -> R {
        let result = Result { try body() }
        var failing = Double(size)
        var told = ""
        if case .failure(let error) = result {
            failing = Double(rank)
            told = "\(ExitStatus.of(error)) \(error)"
        }
        let lowest = size - Int(try maximum(Double(size) - failing))
        guard lowest < size else { return try result.get() }
        throw RankFailure(rank: lowest, told: try broadcast(told, root: lowest))
    }

    /// Makes sure that all ranks hold the same value.
    ///
    /// - Throws: `RankFailure` on every rank, where the lowest rank that differs says what it has.
    package func requireSame(_ value: String, _ what: String) throws {
        let first = try broadcast(value, root: 0)
        try agree {
            if value != first { throw Disagreement(rank: rank, what: what) }
        }
    }
}

/// A rank has something else than the first.
package struct Disagreement: Error, CustomStringConvertible, Equatable {
    let rank: Int
    let what: String

    package var description: String {
        "rank \(rank) has another \(what) than rank 0; give all ranks the same, on a file system that they share"
    }
}

/// A failure that every rank knows of.
package struct RankFailure: Error, CustomStringConvertible, Equatable {
    /// The lowest rank that failed.
    package let rank: Int
    /// Its error's text.
    package let message: String
    /// How the job ends for it.
    package let status: Int32

    /// A failure that every rank has found by itself, from the same values.
    package init(rank: Int, error: any Error) {
        (self.rank, message, status) = (rank, "\(error)", ExitStatus.of(error))
    }

    /// What the rank has told of it: its status, a space, and its text.
    init(rank: Int, told: String) {
        let status = told.prefix(while: { $0 != " " })
        self.rank = rank
        self.status = Int32(status) ?? ExitStatus.failed
        message = String(told.dropFirst(status.count + 1))
    }

    package var description: String { message }
}
