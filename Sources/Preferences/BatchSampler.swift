/// Which dataset rows each step takes: a function of seed, epoch and step alone, so that a run resumes where it was.
package struct BatchSampler: Sendable, Equatable {
    /// Rows of the dataset.
    package let rowCount: Int
    /// Rows of a step; the last of an epoch may have fewer.
    package let batchSize: Int
    /// Keys the order of every epoch.
    package let seed: UInt64
    /// Whether epochs are shuffled.
    package let shuffles: Bool
    /// For each row the number of its group, whose rows stay together; nil where each row goes by itself.
    package let groups: [Int]?
    /// The epoch of the next step, from 0.
    package private(set) var epoch = 0
    /// The next step within its epoch, from 0.
    package private(set) var step = 0
    /// All rows in the order of the epoch, which takes long to make of many rows.
    private var order: [Int] = []

    /// A cursor at the first step.
    package init(rowCount: Int, batchSize: Int, seed: UInt64, shuffles: Bool, groups: [Int]? = nil) {
        precondition(rowCount > 0 && batchSize > 0, "there is something to take, and room for it")
        precondition(groups.map { $0.count == rowCount } ?? true, "every row has a group, or none has")
        self.rowCount = rowCount
        self.batchSize = batchSize
        self.seed = seed
        self.shuffles = shuffles
        self.groups = groups
        order = order(of: epoch)
    }

    /// Steps of an epoch.
    package var stepsPerEpoch: Int { (rowCount + batchSize - 1) / batchSize }

    /// The rows of the next step; moves on.
    package mutating func next() -> [Int] {
        let rows = Array(order[step * batchSize..<min((step + 1) * batchSize, rowCount)])
        advance(by: 1)
        return rows
    }

    /// Moves on by `steps` steps.
    package mutating func advance(by steps: Int) {
        precondition(steps >= 0, "a cursor moves forward")
        let next = step + steps
        step = next % stepsPerEpoch
        guard next >= stepsPerEpoch else { return }
        epoch += next / stepsPerEpoch
        order = order(of: epoch)
    }

    /// The rows that the first `steps` steps from here take, ascending, each once.
    package func rows(ofSteps steps: Int) -> [Int] {
        let left = stepsPerEpoch - step
        // A whole epoch takes every row.
        guard steps < left + stepsPerEpoch else { return Array(0..<rowCount) }
        var taken = Set(order[step * batchSize..<min((step + steps) * batchSize, rowCount)])
        if steps > left { taken.formUnion(order(of: epoch + 1).prefix((steps - left) * batchSize)) }
        return taken.sorted()
    }

    /// The order of an epoch's rows.
    private func order(of epoch: Int) -> [Int] {
        let order = shuffled(epoch)
        // No step has more rows than the epoch.
        return groups.map { gathered(order, groups: $0, batchSize: min(batchSize, rowCount)) } ?? order
    }

    /// Fisher–Yates, keyed by seed and epoch.
    private func shuffled(_ epoch: Int) -> [Int] {
        var order = Array(0..<rowCount)
        guard shuffles else { return order }
        var random = CounterRandom(seed: seed, stream: UInt64(epoch))
        for index in stride(from: rowCount - 1, to: 0, by: -1) {
            order.swapAt(index, Int(random.next(below: UInt64(index + 1))))
        }
        return order
    }
}
