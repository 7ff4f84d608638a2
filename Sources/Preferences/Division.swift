/// Pieces of work divided over shards, so that the shard that is done last is done early.
///
/// Longest processing time first (Graham 1969), each piece to the shard that would be done with it first. Then the shard
/// that is done last gives a piece to another, or exchanges one, as long as that gains something. The same costs and
/// speeds give the same division on every rank.
package struct Division: Sendable, Equatable {
    /// The pieces of each shard, as indices of the costs.
    package private(set) var pieces: [[Int]]
    /// The cost of each shard.
    package private(set) var loads: [Double]
    /// What a shard does in a unit of time; all 1 where shards are alike.
    package let speeds: [Double]
    private let costs: [Double]

    /// What is gained less than so many parts of a shard's mean time is not worth an exchange, and no clock sees it.
    private static let resolution = 1.0 / 4096

    /// A division of `costs`, each at least 0.
    ///
    /// - Parameter speeds: For each shard, above 0.
    package init(_ costs: [Double], speeds: [Double]) {
        precondition(!speeds.isEmpty && speeds.allSatisfy { $0 > 0 }, "every shard does something")
        (self.costs, self.speeds) = (costs, speeds)
        pieces = Array(repeating: [], count: speeds.count)
        loads = Array(repeating: 0, count: speeds.count)
        for piece in costs.indices.sorted(by: { (-costs[$0], $0) < (-costs[$1], $1) }) {
            add(piece, to: soonest(for: costs[piece]))
        }
        while let exchange = nextExchange() { apply(exchange) }
    }

    /// When each shard is done.
    package var times: [Double] { zip(loads, speeds).map { $0 / $1 } }

    /// The time of the shard that is done last over the mean; 1 where all are done together, or nothing is to be done.
    package var imbalance: Double { Self.imbalance(of: times) }

    /// The largest of several times over their mean; 1 where all are 0.
    package static func imbalance(of times: [Double]) -> Double {
        let total = times.reduce(0, +)
        return total > 0 ? (times.max() ?? 0) * Double(times.count) / total : 1
    }

    /// The shard that would be done first with a piece of this cost too, the lowest of several.
    private func soonest(for cost: Double) -> Int {
        var (best, end) = (0, Double.infinity)
        for shard in speeds.indices {
            let time = (loads[shard] + cost) / speeds[shard]
            if time < end { (best, end) = (shard, time) }
        }
        return best
    }

    // MARK: Exchanges

    /// A piece goes from one shard to another, and perhaps one comes back, by their places in `pieces`.
    private struct Exchange {
        let from: Int
        let to: Int
        let given: Int
        let taken: Int?
    }

    /// The best exchange of the shard that is done last with the first other that gains by one, those that are done
    /// first before others; nil where none does.
    private func nextExchange() -> Exchange? {
        let order = times.enumerated().sorted { ($0.element, $0.offset) < ($1.element, $1.offset) }
        guard let last = order.last else { return nil }
        let mean = loads.reduce(0, +) / speeds.reduce(0, +)
        let limit = last.element - Self.resolution * mean
        // No division is done before the mean.
        guard mean < limit else { return nil }
        for other in order.dropLast() where other.element < limit {
            if let exchange = bestExchange(from: last.offset, to: other.offset, before: limit) { return exchange }
        }
        return nil
    }

    /// The exchange after which two shards are both done earliest, if that is before `limit`.
    private func bestExchange(from: Int, to: Int, before limit: Double) -> Exchange? {
        var (best, end) = (Exchange?.none, limit)
        for (given, piece) in pieces[from].enumerated() {
            func consider(_ taken: Int?, cost: Double) {
                let moved = costs[piece] - cost
                let ends = ((loads[from] - moved) / speeds[from], (loads[to] + moved) / speeds[to])
                guard max(ends.0, ends.1) < end else { return }
                end = max(ends.0, ends.1)
                best = Exchange(from: from, to: to, given: given, taken: taken)
            }
            consider(nil, cost: 0)
            for (taken, other) in pieces[to].enumerated() { consider(taken, cost: costs[other]) }
        }
        return best
    }

    private mutating func apply(_ exchange: Exchange) {
        let given = remove(exchange.given, from: exchange.from)
        let taken = exchange.taken.map { remove($0, from: exchange.to) }
        add(given, to: exchange.to)
        taken.map { add($0, to: exchange.from) }
    }

    private mutating func add(_ piece: Int, to shard: Int) {
        pieces[shard].append(piece)
        loads[shard] += costs[piece]
    }

    private mutating func remove(_ place: Int, from shard: Int) -> Int {
        let piece = pieces[shard].remove(at: place)
        loads[shard] -= costs[piece]
        return piece
    }
}
