internal import Collectives
internal import Compute

/// Carries buckets of gradients and weights between ranks, on a thread of its own while the caller computes.
///
/// Every rank hands over the same buckets in the same order. Between `reduce` or `gather` and `drain` the caller makes no MPI
/// call, so that `MPI_THREAD_SERIALIZED` is enough; where MPI does not grant that, all is done in `drain`.
final class BucketExchange {
    private let reduction: any SlicedReduction
    private let buckets: [Range<Int>]
    private let gradients: Matrix
    private let weights: Matrix
    /// Nil where nothing overlaps.
    private let queue: WorkQueue?
    private var held: [() throws -> Void] = []
    private let log = Log()

    /// When what was carried, read by the caller after `drain` alone.
    private final class Log {
        var transfers: [Transfer] = []
    }

    /// A bucket's transfer between ranks.
    struct Transfer {
        let name: String
        /// On the clock of profiles.
        let start: UInt64
        let end: UInt64
        let bytes: Int

        var seconds: Double { Double(end - start) * 1e-9 }
    }

    /// - Parameters:
    ///   - gradients: One row, of which sums are made, whose buffer outlives this.
    ///   - weights: One row, which is made whole, whose buffer outlives this.
    ///   - overlaps: Whether to use a thread where MPI allows it.
    init(
        _ reduction: any SlicedReduction,
        buckets: [Range<Int>],
        gradients: Matrix,
        weights: Matrix,
        overlaps: Bool
    ) {
        (self.reduction, self.buckets) = (reduction, buckets)
        (self.gradients, self.weights) = (gradients, weights)
        let isAllowed = World.threadSupport.map { $0 == .serialized || $0 == .multiple } ?? false
        queue = overlaps && isAllowed ? WorkQueue.start() : nil
    }

    /// Adds up a bucket of gradients over ranks; afterwards each rank has the sums of its slice.
    func reduce(_ bucket: Int) {
        carry("reduce", gradients.columns(buckets[bucket])) { try $0.reduceScatter(&$1) }
    }

    /// Gives all ranks the weights of a bucket that each has updated a slice of.
    func gather(_ bucket: Int) {
        carry("gather", weights.columns(buckets[bucket])) { try $0.allGather(&$1) }
    }

    /// Waits until all is done that was handed over.
    func drain() throws {
        try queue?.drain()
        let held = held
        self.held = []
        for piece in held { try piece() }
    }

    /// Returns the transfers since the last call; after `drain`.
    func takeTransfers() -> [Transfer] {
        defer { log.transfers = [] }
        return log.transfers
    }

    private func carry(
        _ name: String,
        _ part: Matrix,
        _ body: @escaping (any SlicedReduction, inout MutableSpan<Float>) throws -> Void
    ) {
        let (reduction, log) = (reduction, log)
        let piece = {
            let start = Profile.now
            try part.withMutableSpan { try body(reduction, &$0) }
            let bytes = part.columns * MemoryLayout<Float>.stride
            log.transfers.append(Transfer(name: name, start: start, end: Profile.now, bytes: bytes))
        }
        guard let queue else { return held.append(piece) }
        queue.submit(piece)
    }
}
