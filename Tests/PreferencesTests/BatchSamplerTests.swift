internal import Preferences
internal import Testing

struct BatchSamplerTests {
    private func sampler(_ rows: Int, _ batch: Int, seed: UInt64 = 1, shuffles: Bool = true) -> BatchSampler {
        BatchSampler(exampleCount: rows, batchSize: batch, seed: seed, shuffles: shuffles)
    }

    /// The steps of one epoch.
    private func epoch(_ sampler: inout BatchSampler) -> [[Int]] {
        (0..<sampler.stepsPerEpoch).map { _ in sampler.next() }
    }

    @Test(
        "every epoch takes each example exactly once, its last step the remainder",
        arguments: [(1, 1), (1, 4), (2, 1), (7, 3), (7, 100), (12, 3), (12, 12), (13, 4)],
        [true, false]
    )
    func coversEpochs(size: (rows: Int, batch: Int), shuffles: Bool) {
        let (rows, batch) = size
        var sampler = sampler(rows, batch, shuffles: shuffles)
        for number in 0..<3 {
            #expect(sampler.epoch == number && sampler.step == 0)
            let steps = epoch(&sampler)
            #expect(steps.flatMap(\.self).sorted() == Array(0..<rows))
            #expect(steps.dropLast().allSatisfy { $0.count == batch })
            #expect(steps.last!.count == (rows - 1) % batch + 1)
        }
    }

    @Test("without shuffling every epoch has the order of the file")
    func unshuffled() {
        var sampler = sampler(7, 3, shuffles: false)
        #expect(epoch(&sampler) == [[0, 1, 2], [3, 4, 5], [6]])
        #expect(epoch(&sampler) == [[0, 1, 2], [3, 4, 5], [6]])
    }

    @Test("a sampler advanced by some steps returns the steps after them", arguments: [0, 1, 2, 3, 7, 30, 31])
    func advanced(steps: Int) {
        var (walked, moved) = (sampler(7, 3), sampler(7, 3))
        for _ in 0..<steps { _ = walked.next() }
        moved.advance(by: steps)
        #expect(moved == walked)
        // From within an epoch too.
        for _ in 0..<steps { _ = walked.next() }
        moved.advance(by: steps)
        #expect(moved == walked && moved.next() == walked.next())
    }

    @Test("epochs are shuffled differently, and so are seeds; the same seed gives the same order")
    func shuffledBySeedAndEpoch() {
        var (first, again, other) = (sampler(50, 50), sampler(50, 50), sampler(50, 50, seed: 2))
        let orders = [first.next(), first.next(), other.next()]
        #expect(Set(orders).count == 3 && !orders.contains(Array(0..<50)))
        #expect(orders[0] == again.next() && orders[1] == again.next())
    }

    @Test("the batch size does not change the order of an epoch")
    func orderIsIndependentOfBatchSize() {
        var (small, large) = (sampler(20, 3), sampler(20, 20))
        #expect(epoch(&small).flatMap(\.self) == large.next())
    }

    @Test("a new sampler advanced by the steps done continues like one that never stopped", arguments: 0..<9)
    func resumes(after steps: Int) {
        var (straight, resumed) = (sampler(7, 2), sampler(7, 2))
        for _ in 0..<steps { _ = straight.next() }
        resumed.advance(by: steps)
        let (expected, found) = ((0..<9).map { _ in straight.next() }, (0..<9).map { _ in resumed.next() })
        #expect(found == expected)
        #expect(resumed == straight && resumed.epoch >= 2)
    }

    @Test("the order of a seed never changes, so that old checkpoints can be resumed")
    func lastingOrder() {
        var alone = sampler(9, 4, seed: 7)
        #expect(epoch(&alone) == [[3, 7, 5, 6], [1, 4, 2, 8], [0]])
        #expect(epoch(&alone) == [[7, 3, 2, 5], [6, 4, 0, 8], [1]])
        let groups = [0, 1, 0, 2, 1, 3, 1, 3, 3]
        var grouped = BatchSampler(exampleCount: 9, batchSize: 4, seed: 7, shuffles: true, groups: groups)
        #expect(epoch(&grouped) == [[3, 7, 5, 8], [6, 1, 4, 2], [0]])
        #expect(epoch(&grouped) == [[7, 5, 8, 3], [2, 0, 6, 4], [1]])
    }

    /// A sampler whose examples have these groups.
    private func sampler(groups: [Int], _ batch: Int, shuffles: Bool = true) -> BatchSampler {
        BatchSampler(exampleCount: groups.count, batchSize: batch, seed: 1, shuffles: shuffles, groups: groups)
    }

    @Test("examples of a group are consecutive, and a group that does not fit the rest of a step waits for the next")
    func grouped() {
        var steps = sampler(groups: [0, 1, 0, 2, 1, 3, 1], 4, shuffles: false)
        #expect(epoch(&steps) == [[0, 2, 3, 5], [1, 4, 6]])
        // No group fits the rest of the first step: the next one is split.
        var full = sampler(groups: [0, 0, 0, 1, 1, 1], 4, shuffles: false)
        #expect(epoch(&full) == [[0, 1, 2, 3], [4, 5]])
        // A group larger than a step fills whole steps.
        var large = sampler(groups: [0, 0, 0, 0, 0, 1], 3, shuffles: false)
        #expect(epoch(&large) == [[0, 1, 2], [3, 4, 5]])
    }

    @Test("with groups too, steps have the same size and each example is taken once", arguments: 1...9)
    func groupedEpochs(batch: Int) {
        var random = TestRandom(seed: 5)
        let groups = (0..<50).map { _ in Int.random(in: 0..<25, using: &random) }
        var steps = sampler(groups: groups, batch)
        let epochs = (0..<2).map { _ in epoch(&steps) }
        for epoch in epochs {
            #expect(epoch.flatMap(\.self).sorted() == Array(0..<50))
            #expect(epoch.dropLast().allSatisfy { $0.count == batch })
        }
        #expect(epochs[0] != epochs[1])
        // Most groups that fit a step are in a single one.
        guard batch > 4 else { return }
        let sizes = Dictionary(grouping: groups) { $0 }.mapValues(\.count)
        let fitting = sizes.filter { $0.value <= batch }.keys
        let whole = fitting.filter { group in
            epochs[0].contains { step in step.count { groups[$0] == group } == sizes[group] }
        }
        #expect(whole.count >= fitting.count - 2)
    }

    @Test("the examples of the next steps are predicted", arguments: 0..<5, [true, false])
    func predicted(done: Int, shuffles: Bool) {
        var start = sampler(7, 2, shuffles: shuffles)
        for _ in 0..<done { _ = start.next() }
        for steps in 0..<12 {
            var sampler = start
            let taken = Set((0..<steps).flatMap { _ in sampler.next() })
            #expect(start.examples(ofSteps: steps) == taken.sorted())
        }
        #expect(start.examples(ofSteps: 1).count == (done == 3 ? 1 : 2))
    }
}
