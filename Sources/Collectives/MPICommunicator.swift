internal import CMPI
internal import Glibc

/// The ranks that an MPI launcher started.
package final class MPICommunicator: Communicator {
    package let rank: Int
    package let size: Int
    package let hostShare: HostShare

    /// Wraps the world communicator of an initialized MPI; all ranks call it.
    init() throws {
        var (rank, size) = (Int32(0), Int32(0))
        for (code, call) in [(cmpi_rank(&rank), "MPI_Comm_rank"), (cmpi_size(&size), "MPI_Comm_size")] where code != 0 {
            throw CollectiveError(code: code, call: call, rank: -1)
        }
        self.rank = Int(rank)
        self.size = Int(size)
        hostShare = try HostShare.measure(rank: Int(rank), size: Int(size))
    }

    package func allReduceSum(_ values: inout MutableSpan<Float>) throws {
        let count = values.count
        try values.withUnsafeMutableBufferPointer { buffer in
            try check(cmpi_allreduce_sum_float(buffer.baseAddress, count), "MPI_Allreduce of \(count) floats")
        }
    }

    package func allReduceSum(_ values: inout MutableSpan<Double>) throws {
        let count = values.count
        try values.withUnsafeMutableBufferPointer { buffer in
            try check(cmpi_allreduce_sum_double(buffer.baseAddress, count), "MPI_Allreduce of \(count) doubles")
        }
    }

    package func allReduceMax(_ values: inout MutableSpan<Double>) throws {
        let count = values.count
        try values.withUnsafeMutableBufferPointer { buffer in
            try check(cmpi_allreduce_max_double(buffer.baseAddress, count), "MPI_Allreduce of \(count) doubles")
        }
    }

    package func broadcast(_ bytes: inout MutableSpan<UInt8>, root: Int) throws {
        let count = bytes.count
        try bytes.withUnsafeMutableBufferPointer { buffer in
            try check(cmpi_broadcast_bytes(buffer.baseAddress, count, Int32(root)), "MPI_Bcast of \(count) bytes")
        }
    }

    package func gather(_ values: Span<Double>, root: Int) throws -> [Double]? {
        var gathered = [Double](repeating: 0, count: rank == root ? values.count * size : 0)
        try values.withUnsafeBufferPointer { buffer in
            try check(
                cmpi_gather_double(buffer.baseAddress, buffer.count, &gathered, Int32(root)),
                "MPI_Gather of \(buffer.count) doubles"
            )
        }
        return rank == root ? gathered : nil
    }

    package func barrier() throws {
        try check(cmpi_barrier(), "MPI_Barrier")
    }

    package func hostLeaders() throws -> [Int] {
        var leader: Int32 = 0
        try check(cmpi_host_leader(&leader), "MPI_Comm_split_type")
        // Each rank sets its own element, which is zero elsewhere.
        var leaders = [Double](repeating: 0, count: size)
        leaders[rank] = Double(leader)
        return try sum(leaders).map { Int($0) }
    }

    package func channel() throws -> Channel? { size > 1 ? try Channel(rank: rank) : nil }

    package func send(_ bytes: Span<UInt8>, to rank: Int) throws {
        try bytes.withUnsafeBufferPointer { buffer in
            try check(
                cmpi_send_bytes(buffer.baseAddress, buffer.count, Int32(rank)),
                "MPI_Send of \(buffer.count) bytes to rank \(rank)"
            )
        }
    }

    package func receive(_ bytes: inout MutableSpan<UInt8>, from rank: Int) throws {
        let count = bytes.count
        try bytes.withUnsafeMutableBufferPointer { buffer in
            try check(
                cmpi_receive_bytes(buffer.baseAddress, count, Int32(rank)),
                "MPI_Recv of \(count) bytes from rank \(rank)"
            )
        }
    }

    package func abort(code: Int32) -> Never {
        cmpi_abort(code)
        exit(code)
    }

    /// Makes an MPI call, recorded for the watchdog.
    private func check(
        _ body: @autoclosure () -> Int32,
        _ call: @autoclosure () -> String,
        name: StaticString = #function
    ) throws(CollectiveError) {
        let code = Progress.during(name, body)
        guard code == 0 else { throw CollectiveError(code: code, call: call(), rank: rank) }
    }
}

/// An MPI call that failed.
package struct CollectiveError: Error, CustomStringConvertible {
    let call: String
    let rank: Int
    let reason: String

    init(code: Int32, call: String, rank: Int) {
        var text = [CChar](repeating: 0, count: 512)
        cmpi_error_text(code, &text, text.count)
        reason = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        self.call = call
        self.rank = rank
    }

    package var description: String { "\(call) failed on rank \(rank): \(reason)" }
}
