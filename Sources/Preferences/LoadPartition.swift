/// Pieces of work divided over shards, so that the shard that is done last is done early.
///
/// Longest processing time first (Graham 1969), each piece to the shard that would be done with it first. Then the shard
/// that is done last gives a piece to another, or exchanges one, as long as that gains something. The same costs and
/// speeds give the same division on every rank.
package struct LoadPartition: Sendable, Equatable {
    /// The pieces of each shard, as indices of the costs.
    package private(set) var pieces: [[Int]]
    /// The cost of each shard.
    package private(set) var loads: [Double]
    /// What a shard does in a unit of time; all 1 where shards are alike.
    package let speeds: [Double]
    private let costs: [Double]
    /// When all would be done if all were done together.
    private let mean: Double
    /// Shards in the order in which they are done, the lowest first of those that are done together.
    private var order: [Int]

    /// What is gained less than so many parts of a shard's mean time is not worth an exchange, and no clock sees it.
    private static let resolution = 1.0 / 4096

    /// A division of `costs`, each at least 0.
    ///
    /// - Parameter speeds: For each shard, above 0.
    package init(_ costs: [Double], speeds: [Double]) {
        precondition(!speeds.isEmpty && speeds.allSatisfy { $0 > 0 }, "every shard does something")
        (self.costs, self.speeds) = (costs, speeds)
        mean = costs.reduce(0, +) / speeds.reduce(0, +)
        pieces = Array(repeating: [], count: speeds.count)
        loads = Array(repeating: 0, count: speeds.count)
        order = Array(speeds.indices)
        let fastest = speeds.max() ?? 1
        for piece in costs.indices.sorted(by: { (-costs[$0], $0) < (-costs[$1], $1) }) {
            add(piece, to: soonest(for: costs[piece], fastest: fastest))
        }
        while let exchange = nextExchange() { apply(exchange) }
    }

    /// When each shard is done.
    package var times: [Double] { speeds.indices.map(time(of:)) }

    private func time(of shard: Int) -> Double { loads[shard] / speeds[shard] }

    /// The time of the shard that is done last over the mean; 1 where all are done together, or nothing is to be done.
    package var imbalance: Double { Self.imbalance(of: times) }

    /// The largest of several times over their mean; 1 where all are 0.
    package static func imbalance(of times: [Double]) -> Double {
        let total = times.reduce(0, +)
        return total > 0 ? (times.max() ?? 0) * Double(times.count) / total : 1
    }

    /// The shard that would be done first with a piece of this cost too, of several the first in `order`.
    ///
    /// - Parameter fastest: The highest of the speeds.
    private func soonest(for cost: Double, fastest: Double) -> Int {
        var (best, end) = (order[0], Double.infinity)
        for shard in order {
            // No later one is done before this.
            guard time(of: shard) + cost / fastest < end else { break }
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
        let last = order[order.count - 1]
        let limit = time(of: last) - Self.resolution * mean
        // No division is done before the mean.
        guard mean < limit else { return nil }
        for other in order.dropLast() where time(of: other) < limit {
            if let exchange = bestExchange(from: last, to: other, before: limit) { return exchange }
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
        order.remove(at: place(of: shard))
        pieces[shard].append(piece)
        loads[shard] += costs[piece]
        order.insert(shard, at: place(of: shard))
    }

    private mutating func remove(_ place: Int, from shard: Int) -> Int {
        order.remove(at: self.place(of: shard))
        let piece = pieces[shard].remove(at: place)
        loads[shard] -= costs[piece]
        order.insert(shard, at: self.place(of: shard))
        return piece
    }

    /// Where in `order` a shard is, or is to be.
    private func place(of shard: Int) -> Int {
        let time = time(of: shard)
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if (self.time(of: order[middle]), order[middle]) < (time, shard) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
