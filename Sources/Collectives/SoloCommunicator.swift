internal import Glibc

/// A single process without MPI, whose values are the sums.
package final class SoloCommunicator: Communicator {
    package let rank = 0
    package let size = 1
    package let hostShare = HostShare.ofOneProcess()

    /// A communicator of this process alone.
    package init() {}

    package func allReduceSum(_ values: inout MutableSpan<Float>) {}
    package func allReduceSum(_ values: inout MutableSpan<Double>) {}
    package func allReduceMax(_ values: inout MutableSpan<Double>) {}
    package func broadcast(_ bytes: inout MutableSpan<UInt8>, root: Int) {}
    package func gather(_ values: Span<Double>, root: Int) -> [Double]? { values.indices.map { values[$0] } }
    package func barrier() {}
    package func hostLeaders() -> [Int] { [0] }
    package func channel() -> Channel? { nil }
    package func send(_ bytes: Span<UInt8>, to rank: Int) { preconditionFailure("there is no other rank") }
    package func receive(_ bytes: inout MutableSpan<UInt8>, from rank: Int) {
        preconditionFailure("there is no other rank")
    }
    package func abort(code: Int32) -> Never { exit(code) }
}
