internal import Collectives
internal import Compute
internal import Transformer

/// Transfers buckets of gradients and weights between ranks, on a separate thread while the caller computes.
///
/// Every rank submits the same buckets in the same order. Between `reduce` or `gather` and `drain` the caller makes no
/// MPI call, so that `MPI_THREAD_SERIALIZED` suffices; if MPI does not grant that, all transfers take place in `drain`.
final class BucketExchange {
    private let reduction: any SlicedReduction
    private let buckets: [Range<Int>]
    private let gradients: Matrix
    private let weights: ParameterBuffer
    /// Nil if nothing overlaps.
    private let queue: WorkQueue?
    private var deferred: [() throws -> Void] = []
    private let log = Log()

    /// The transfers, which the caller reads only after `drain`.
    private final class Log {
        var transfers: [Transfer] = []
    }

    /// A bucket's transfer between ranks.
    struct Transfer {
        let name: String
        /// Nanoseconds on the clock of profiles.
        let start: UInt64
        let end: UInt64
        let bytes: Int

        var seconds: Double { Double(end - start) * 1e-9 }
    }

    /// - Parameters:
    ///   - gradients: One row to be reduced; its buffer outlives this object.
    ///   - weights: To be gathered as they are stored: those in 16 bits without their float32 vectors.
    ///   - overlaps: Whether to use a thread, if MPI allows it.
    init(
        _ reduction: any SlicedReduction,
        buckets: [Range<Int>],
        gradients: Matrix,
        weights: ParameterBuffer,
        overlaps: Bool
    ) {
        (self.reduction, self.buckets) = (reduction, buckets)
        (self.gradients, self.weights) = (gradients, weights)
        let isAllowed = World.threadSupport.map { $0 == .serialized || $0 == .multiple } ?? false
        queue = overlaps && isAllowed ? WorkQueue.start() : nil
    }

    /// Reduces a bucket of gradients; afterwards each rank has the sums of its slice.
    func reduce(_ bucket: Int) {
        let part = gradients.columns(buckets[bucket])
        transfer("reduce", bytes: part.columns * MemoryLayout<Float>.stride) { reduction in
            try part.withMutableSpan { try reduction.reduceScatter(&$0) }
        }
    }

    /// Gathers a bucket of weights, of which each rank has updated a slice.
    func gather(_ bucket: Int) {
        guard let halves = weights.halves else {
            let part = weights.flat.columns(buckets[bucket])
            return transfer("gather", bytes: part.columns * MemoryLayout<Float>.stride) { reduction in
                try part.withMutableSpan { try reduction.allGather(&$0) }
            }
        }
        let part = halves.columns(buckets[bucket])
        transfer("gather", bytes: part.columns * MemoryLayout<UInt16>.stride) { reduction in
            try part.withMutableSpan { try reduction.allGather(&$0) }
        }
    }

    /// Waits until all submitted transfers are complete.
    func drain() throws {
        try queue?.drain()
        let deferred = deferred
        self.deferred = []
        for piece in deferred { try piece() }
    }

    /// Returns the transfers since the last call; only after `drain`.
    func takeTransfers() -> [Transfer] {
        defer { log.transfers = [] }
        return log.transfers
    }

    private func transfer(
        _ name: String,
        bytes: Int,
        _ body: @escaping (any SlicedReduction) throws -> Void
    ) {
        let (reduction, log) = (reduction, log)
        let piece = {
            let start = Profile.now
            try body(reduction)
            log.transfers.append(Transfer(name: name, start: start, end: Profile.now, bytes: bytes))
        }
        guard let queue else { return deferred.append(piece) }
        queue.submit(piece)
    }
}
