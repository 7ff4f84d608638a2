internal import Collectives
internal import Foundation

/// The time of a reduce-scatter and an all-gather of one bucket.
struct ExchangeTimes {
    let communicator: any Communicator

    /// Prints on rank 0, as JSON, the seconds of the slowest rank in each repetition.
    ///
    /// - Parameter words: A collective, the bucket's bytes, and the number of repetitions, after one that opens connections.
    func report(_ words: [String]) throws {
        guard words.count == 3, let collective = Collective(rawValue: words[0]), let bytes = Int(words[1]),
            let turns = Int(words[2])
        else { throw Mismatch(description: "expected COLLECTIVE BYTES TURNS, found \(words)") }
        let count = bytes / MemoryLayout<Float>.stride
        guard let choice = try CollectiveChoice(collective, capacity: count, communicator: communicator) else {
            throw Mismatch(description: "a rank that is alone exchanges nothing")
        }
        var bucket = [Float](repeating: 0, count: count)
        let seconds = try (0...turns).map { _ in
            try communicator.barrier()
            let start = ContinuousClock().now
            var values = bucket.mutableSpan
            try choice.reduction.reduceScatter(&values)
            try choice.reduction.allGather(&values)
            return try communicator.maximum((ContinuousClock().now - start) / .seconds(1))
        }
        guard communicator.rank == 0 else { return }
        print("{\"collective\": \"\(choice.collective.rawValue)\", \"seconds\": \(seconds.dropFirst().map { $0 })}")
    }
}
