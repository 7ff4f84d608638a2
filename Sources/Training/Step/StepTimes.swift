package import Reporting

/// The parts of a step's time on one rank, in seconds; of several steps their sums or medians.
package struct StepTimes: Sendable, Equatable, Codable {
    package var total: Double
    package var forward: Double
    package var backward: Double
    package var head: Double
    /// Waiting for slower ranks.
    package var waiting: Double
    /// Transfers between ranks, including those that overlap with computation or with waiting.
    package var communication: Double
    /// Communication during which this rank has nothing to compute, without `waiting`.
    package var exposedCommunication: Double
    /// The gradient norm, with its sum over ranks, and AdamW.
    package var optimizer: Double
    /// In the kernel, over all threads: page faults and messages.
    package var system: Double

    /// Times in seconds, 0 by default.
    package init(
        total: Double = 0,
        forward: Double = 0,
        backward: Double = 0,
        head: Double = 0,
        waiting: Double = 0,
        communication: Double = 0,
        exposedCommunication: Double = 0,
        optimizer: Double = 0,
        system: Double = 0
    ) {
        self.total = total
        self.forward = forward
        self.backward = backward
        self.head = head
        self.waiting = waiting
        self.communication = communication
        self.exposedCommunication = exposedCommunication
        self.optimizer = optimizer
        self.system = system
    }

    private static let fields: [any WritableKeyPath<StepTimes, Double> & Sendable] = [
        \.total, \.forward, \.backward, \.head, \.waiting, \.communication, \.exposedCommunication, \.optimizer,
        \.system,
    ]

    /// The median of each field over several steps.
    package init(medians steps: [StepTimes]) {
        self.init()
        for field in Self.fields { self[keyPath: field] = SummaryStatistics(steps.map { $0[keyPath: field] }).median }
    }

    /// Adds another step's times, field by field.
    mutating func add(_ other: StepTimes) {
        for field in Self.fields { self[keyPath: field] += other[keyPath: field] }
    }

    /// Runs `body`, and adds its duration to a field.
    mutating func measure<R>(_ field: WritableKeyPath<StepTimes, Double>, _ body: () throws -> R) rethrows -> R {
        let start = ContinuousClock().now
        defer { self[keyPath: field] += (ContinuousClock().now - start) / .seconds(1) }
        return try body()
    }

    /// Adds all fields but the total to a record.
    package func addParts(to record: inout MetricsRecord) {
        record.add("forward_seconds", forward)
        record.add("backward_seconds", backward)
        record.add("head_seconds", head)
        record.add("waiting_seconds", waiting)
        record.add("communication_seconds", communication)
        record.add("exposed_communication_seconds", exposedCommunication)
        record.add("optimizer_seconds", optimizer)
        record.add("system_seconds", system)
    }
}
