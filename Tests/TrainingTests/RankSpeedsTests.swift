internal import Foundation
internal import Preferences
internal import Testing
internal import Training

/// The measured speeds of ranks, by which a step may be divided.
struct RankSpeedsTests {
    @Test("speeds are relative to their mean, and a step changes them by a fifth of the difference")
    func mean() {
        var speeds = RankSpeeds()
        #expect(speeds.relative(ranks: 2) == nil)
        speeds.add([30, 10])
        #expect(speeds.relative(ranks: 2) == [1.5, 0.5])
        speeds.add([30, 60])
        // 10 + (60 - 10) / 5.
        #expect(speeds.relative(ranks: 2) == [1.2, 0.8])
        for _ in 0..<60 { speeds.add([10, 40]) }
        let late = speeds.relative(ranks: 2) ?? []
        #expect(zip(late, [0.4, 1.6]).allSatisfy { abs($0 - $1) < 1e-5 } && late.count == 2)
    }

    @Test("a rank without work keeps its speed, or counts as one of mean speed; another number of ranks starts over")
    func idle() {
        var speeds = RankSpeeds()
        speeds.add([0, 20, 10])
        #expect(speeds.relative(ranks: 3) == [1, 20 / 15.0, 10 / 15.0])
        speeds.add([40, 0, 10])
        let relative = speeds.relative(ranks: 3) ?? []
        #expect(relative.count == 3 && zip(relative, [12.0 / 7, 6.0 / 7, 3.0 / 7]).allSatisfy { abs($0 - $1) < 1e-15 })
        #expect(speeds.relative(ranks: 2) == nil)
        speeds.add([1, 1])
        #expect(speeds.relative(ranks: 2) == [1, 1] && speeds.relative(ranks: 3) == nil)
    }

    @Test("loads of unequal ranks are balanced after a step, and again after one becomes slower")
    func evensOut() {
        let costs = (1...120).map { Double($0 % 7 + 3) }
        var (speeds, evenness) = (RankSpeeds(), [Double]())
        for step in 0..<40 {
            // One host of half the others' speed; later a quarter's.
            let trueSpeeds = [2, 2, step < 10 ? 1 : 0.5]
            let relative = speeds.relative(ranks: 3) ?? [1, 1, 1]
            let loads = LoadPartition(costs, speeds: relative).loads
            let seconds = zip(loads, trueSpeeds).map { $0 / $1 }
            speeds.add(zip(loads, seconds).map { $0 / $1 })
            evenness.append(RankTimes(seconds: seconds, costs: loads).imbalance)
        }
        // With equal shares the slow host takes twice as long; after it becomes slower, twice as long again.
        #expect(abs(evenness[0] - 1.5) < 0.02 && abs(evenness[10] - 1.5) < 0.02, "\(evenness)")
        #expect(evenness[1..<10].allSatisfy { $0 < 1.02 }, "\(evenness)")
        // The error of a speed decreases by a fifth with each step.
        #expect(evenness[10...30].indices.dropLast().allSatisfy { evenness[$0 + 1] < evenness[$0] + 0.02 })
        #expect(evenness[25...].allSatisfy { $0 < 1.05 }, "\(evenness)")
    }

    @Test("speeds read back from a checkpoint have the same bits")
    func roundTrip() throws {
        var speeds = RankSpeeds()
        speeds.add([1.0 / 3, 0.1])
        speeds.add([0.7, 1e9])
        #expect(try JSONDecoder().decode(RankSpeeds.self, from: JSONEncoder().encode(speeds)) == speeds)
    }
}
