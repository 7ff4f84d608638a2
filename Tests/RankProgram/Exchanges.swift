internal import Collectives
internal import Foundation

/// Sums and copies over ranks, compared with values that each rank computes locally from the values of all ranks.
struct Exchanges {
    let communicator: any Communicator

    private var size: Int { communicator.size }

    /// No elements, less than a unit, whole units, and units with a partial one.
    private static let counts = [0, 1, 4095, 4096, 4097, 5 * 4096, 23 * 4096 + 77]

    /// Checks every collective over buckets of several sizes, and returns the number of comparisons.
    func check() throws -> Int {
        guard let channel = try communicator.channel() else { return 0 }
        // As on hosts of two ranks each, if the number of ranks is even.
        let hosts = size % 2 == 0 ? (0..<size).map { $0 - $0 % 2 } : (0..<size).map { _ in 0 }
        let capacity = Self.counts.max() ?? 0
        channel.setHosts(leaders: hosts)
        var compared = 0
        for collective in Collective.allCases where collective != .auto {
            for dtype in ReduceDType.allCases {
                let reduction = try channel.makeReduction(collective, dtype, capacity: capacity)
                // Twice, since no state may remain from the first.
                for count in Self.counts + Self.counts {
                    try check(reduction, collective, dtype, count: count)
                    compared += 1
                }
            }
        }
        return compared
    }

    private func check(
        _ reduction: any SlicedReduction,
        _ collective: Collective,
        _ dtype: ReduceDType,
        count: Int
    ) throws {
        let name = "\(collective) \(dtype) \(count)"
        let slices = (0..<size).map { reduction.slice(of: $0, count: count) }
        try expect(slices.flatMap { Array($0) }.sorted() == Array(0..<count), "\(name): slices \(slices)")
        let own = slices[communicator.rank]
        var values = (0..<count).map { Self.value($0, communicator.rank) }
        var span = values.mutableSpan
        try reduction.reduceScatter(&span)
        for element in own {
            let expected = Self.sum((0..<size).map { Self.value(element, $0) }, dtype)
            let found = values[element]
            // The others sum in different orders: for few values of at most 1 only the last bits differ.
            let tolerance: Float = collective.keepsOrder || dtype == .bfloat16 ? 0 : 1e-6
            try expect(abs(found - expected) <= tolerance, "\(name): \(found) for \(expected) at \(element)")
        }
        let whole = (0..<count).map { Self.value($0, 0) }
        try gather(whole, odd: .nan, own: own, reduction, name)
        try gather(whole.map { UInt16($0.bitPattern >> 16) }, odd: .max, own: own, reduction, "\(name) of 16 bits")
    }

    /// Gathers values of which each rank has only its own slice, and others in place of the rest.
    private func gather<Element: BitwiseCopyable & Equatable>(
        _ whole: [Element],
        odd: Element,
        own: Range<Int>,
        _ reduction: any SlicedReduction,
        _ name: String
    ) throws {
        var values = [Element](repeating: odd, count: whole.count)
        values.replaceSubrange(own, with: whole[own])
        var gathered = values.mutableSpan
        try reduction.allGather(&gathered)
        try expect(values == whole, "\(name): gathered")
    }

    /// Values of both signs, so that the order of summation changes the bits.
    private static func value(_ element: Int, _ rank: Int) -> Float {
        Float((element * 7919 + rank * 104_729) % 2003 - 1001) / 1001
    }

    /// The expected sum: in float32 a balanced tree; of values rounded to bfloat16 in rank order.
    private static func sum(_ values: [Float], _ dtype: ReduceDType) -> Float {
        guard dtype == .float32 else { return values.reduce(0) { $0 + rounded($1) } }
        var values = values
        while values.count > 1 {
            values = stride(from: 0, to: values.count, by: 2).map { left in
                left + 1 < values.count ? values[left] + values[left + 1] : values[left]
            }
        }
        return values[0]
    }

    /// The nearest float32 with 8 significant bits, ties to even.
    private static func rounded(_ value: Float) -> Float {
        guard value != 0 else { return value }
        let ulp = Float(sign: .plus, exponent: value.exponent - 7, significand: 1)
        return (value / ulp).rounded(.toNearestOrEven) * ulp
    }

    /// Sends from every rank to every other, in one piece and in several, and checks the host leaders.
    func messages() throws {
        for count in [0, 1, 7_000_001] {
            let sent = LongArray.periodic(1001, count: count) { Float($0 + communicator.rank) }
            for root in 0..<size {
                guard communicator.rank == root else {
                    try communicator.send(sent.span, to: root)
                    continue
                }
                for other in 0..<size where other != root {
                    var received = [Float](repeating: .nan, count: count)
                    var span = received.mutableSpan
                    try communicator.receive(&span, from: other)
                    let expected = LongArray.periodic(1001, count: count) { Float($0 + other) }
                    try expect(LongArray.haveSameBits(received, expected), "\(count) floats from \(other)")
                }
            }
        }
        try expect(try communicator.hostLeaders() == Array(repeating: 0, count: size), "one host")
    }

    /// The error for hosts with different numbers of ranks, and the candidates for several layouts of hosts.
    func hosts() throws {
        guard let channel = try communicator.channel() else { return }
        for (leaders, candidates) in [
            ([0, 0], [.direct]), ([0, 1], [.direct]), ([0, 0, 0], [.direct]), ([0, 0, 0, 0], [.direct, .halving]),
            ([0, 0, 2, 2], [.direct, .halving, .hierarchical]), ([0, 1, 0, 1], [.direct, .halving]),
            ([0, 0, 0, 3, 3, 3], [.direct, .halving]),
        ] as [([Int], [Collective])] {
            channel.setHosts(leaders: leaders)
            try expect(channel.candidates == candidates, "\(leaders): \(channel.candidates)")
        }
        do {
            channel.setHosts(leaders: [0, 0, 2])
            _ = try channel.makeReduction(.hierarchical, .float32, capacity: 1)
            throw Mismatch(description: "two hosts of different numbers of ranks")
        } catch let error as HostError {
            try expect(error.description.contains("; found 2, 1; start them so"), "\(error)")
        }
        let partition = try RankPartition.establish(
            parameters: 40_000,
            shards: size,
            bucketElements: 40_000,
            collective: .auto,
            communicator: communicator
        )
        let tried = partition.trials.map(\.collective)
        try expect(tried == (size % 2 == 0 && size > 2 ? [.direct, .halving] : []), "tried \(tried)")
        let chosen = partition.collective
        try expect(chosen == .direct || chosen == .halving, "chose \(String(describing: chosen))")
    }

    private func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        guard condition else { throw Mismatch(description: what()) }
    }
}
