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
        let partition = try RankPartition.establish(
            parameters: count,
            shards: communicator.size,
            bucketElements: count,
            collective: collective,
            communicator: communicator
        )
        guard let reduction = partition.reduction, let chosen = partition.collective else {
            throw Mismatch(description: "a single rank exchanges nothing")
        }
        var bucket = [Float](repeating: 0, count: count)
        let seconds = try (0...turns).map { _ in
            try communicator.barrier()
            let start = ContinuousClock().now
            var values = bucket.mutableSpan
            try reduction.reduceScatter(&values)
            try reduction.allGather(&values)
            return try communicator.maximum((ContinuousClock().now - start) / .seconds(1))
        }
        guard communicator.rank == 0 else { return }
        print("{\"collective\": \"\(chosen.rawValue)\", \"seconds\": \(seconds.dropFirst().map { $0 })}")
    }
}
