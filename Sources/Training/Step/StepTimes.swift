internal import Compute
internal import Transformer

/// Where the time of a step goes, in seconds.
struct StepTimes {
    private let start = ContinuousClock().now
    private let system = Processor.systemSeconds
    /// For slower ranks.
    var waiting = 0.0
    /// For gradients that were still on the way when all was computed.
    var drain = 0.0
    /// For what ranks tell each other beside gradients and weights.
    var sums = 0.0
    /// For weights that were still on the way when all were updated.
    var gather = 0.0
    /// The gradient norm, with its sum over ranks, and AdamW.
    var optimizer = 0.0

    /// What `body` takes.
    func measure(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock().now
        try body()
        return (ContinuousClock().now - start) / .seconds(1)
    }

    /// Runs `body`, and counts what it takes.
    mutating func measure<R>(_ field: WritableKeyPath<StepTimes, Double>, _ body: () throws -> R) rethrows -> R {
        let start = ContinuousClock().now
        defer { self[keyPath: field] += (ContinuousClock().now - start) / .seconds(1) }
        return try body()
    }

    /// The step's times, which ends now.
    ///
    /// - Parameter trips: Of all its buckets.
    func seconds(model: PassTimes, trips: [BucketExchange.Trip]) -> StepReport.Seconds {
        StepReport.Seconds(
            total: (ContinuousClock().now - start) / .seconds(1),
            forward: model.forward,
            backward: model.backward,
            head: model.head,
            waiting: waiting,
            communication: sums + trips.reduce(0) { $0 + $1.seconds },
            exposedCommunication: drain + sums + gather,
            optimizer: optimizer,
            system: Processor.systemSeconds - system
        )
    }
}
