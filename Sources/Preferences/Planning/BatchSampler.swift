/// Samples the examples of each step, as a function of seed, epoch and step only, so that a run can resume at any step.
package struct BatchSampler: Sendable, Equatable {
    /// The number of examples in the dataset.
    package let exampleCount: Int
    /// Examples per step; the last step of an epoch may have fewer.
    package let batchSize: Int
    /// The random seed of the order of every epoch.
    package let seed: UInt64
    /// Whether epochs are shuffled.
    package let shuffles: Bool
    /// The group number of each example, whose examples stay together; nil for no groups.
    package let groups: [Int]?
    /// The epoch of the next step, from 0.
    package private(set) var epoch = 0
    /// The next step within its epoch, from 0.
    package private(set) var step = 0
    /// All examples in the order of the epoch; cached, since it is expensive for many examples.
    private var order: [Int] = []

    /// A sampler at the first step.
    package init(exampleCount: Int, batchSize: Int, seed: UInt64, shuffles: Bool, groups: [Int]? = nil) {
        precondition(exampleCount > 0 && batchSize > 0, "a positive number of examples and a positive batch size")
        precondition(groups.map { $0.count == exampleCount } ?? true, "a group for each example")
        self.exampleCount = exampleCount
        self.batchSize = batchSize
        self.seed = seed
        self.shuffles = shuffles
        self.groups = groups
        order = order(of: epoch)
    }

    /// Steps per epoch.
    package var stepsPerEpoch: Int { Self.stepsPerEpoch(exampleCount: exampleCount, batchSize: batchSize) }

    /// Steps per epoch of this number of examples.
    package static func stepsPerEpoch(exampleCount: Int, batchSize: Int) -> Int {
        (exampleCount + batchSize - 1) / batchSize
    }

    /// Returns the examples of the next step and advances past it.
    package mutating func next() -> [Int] {
        let rows = Array(order[step * batchSize..<min((step + 1) * batchSize, exampleCount)])
        advance(by: 1)
        return rows
    }

    /// Advances by `steps` steps.
    package mutating func advance(by steps: Int) {
        precondition(steps >= 0, "a sampler only advances")
        let next = step + steps
        step = next % stepsPerEpoch
        guard next >= stepsPerEpoch else { return }
        epoch += next / stepsPerEpoch
        order = order(of: epoch)
    }

    /// The examples of the next `steps` steps, ascending, without duplicates.
    package func examples(ofSteps steps: Int) -> [Int] {
        let left = stepsPerEpoch - step
        // A whole epoch contains every example.
        guard steps < left + stepsPerEpoch else { return Array(0..<exampleCount) }
        var taken = Set(order[step * batchSize..<min((step + steps) * batchSize, exampleCount)])
        if steps > left { taken.formUnion(order(of: epoch + 1).prefix((steps - left) * batchSize)) }
        return taken.sorted()
    }

    /// The order of the examples in an epoch.
    private func order(of epoch: Int) -> [Int] {
        let order = shuffled(epoch)
        // No step has more examples than the epoch.
        return groups.map { grouped(order, groups: $0, batchSize: min(batchSize, exampleCount)) } ?? order
    }

    /// A Fisher–Yates shuffle keyed by seed and epoch.
    private func shuffled(_ epoch: Int) -> [Int] {
        var order = Array(0..<exampleCount)
        guard shuffles else { return order }
        var random = CounterRandom(seed: seed, stream: UInt64(epoch))
        for index in stride(from: exampleCount - 1, to: 0, by: -1) {
            order.swapAt(index, Int(random.next(below: UInt64(index + 1))))
        }
        return order
    }
}
