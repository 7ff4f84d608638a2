/// A partition of weighted pieces of work over shards that minimizes the makespan, the time of the slowest shard.
///
/// Longest processing time first (Graham 1969): each piece goes to the shard that would finish it earliest. A local
/// search follows: the slowest shard moves a piece to another shard, or swaps one with it, as long as that shortens the
/// makespan. Deterministic: the same costs and speeds give the same partition on every rank.
package struct LoadPartition: Sendable, Equatable {
    /// The pieces of each shard, as indices of the costs.
    package private(set) var pieces: [[Int]]
    /// The cost of each shard.
    package private(set) var loads: [Double]
    /// The cost that a shard processes per unit of time; all 1 if shards are equally fast.
    package let speeds: [Double]
    private let costs: [Double]
    /// The lower bound of the makespan: the total cost over the total speed.
    private let mean: Double
    /// Shards in ascending order of their times; ties by index.
    private var order: [Int]

    /// The smallest gain that is worth a move or swap, as a fraction of the mean time: less is not measurable.
    private static let resolution = 1.0 / 4096

    /// Partitions pieces of these costs, each at least 0.
    ///
    /// - Parameter speeds: The speed of each shard, above 0.
    package init(_ costs: [Double], speeds: [Double]) {
        precondition(!speeds.isEmpty && speeds.allSatisfy { $0 > 0 }, "every shard has a positive speed")
        (self.costs, self.speeds) = (costs, speeds)
        mean = costs.reduce(0, +) / speeds.reduce(0, +)
        pieces = Array(repeating: [], count: speeds.count)
        loads = Array(repeating: 0, count: speeds.count)
        order = Array(speeds.indices)
        let fastest = speeds.max() ?? 1
        for piece in costs.indices.sorted(by: { (-costs[$0], $0) < (-costs[$1], $1) }) {
            add(piece, to: earliestShard(for: costs[piece], fastest: fastest))
        }
        while let move = nextMove() { apply(move) }
    }

    /// The time that each shard takes.
    package var times: [Double] { speeds.indices.map(time(of:)) }

    private func time(of shard: Int) -> Double { loads[shard] / speeds[shard] }

    /// The makespan over the mean time; 1 if all shards take equally long or have no work.
    package var imbalance: Double { Self.imbalance(of: times) }

    /// The maximum of several times over their mean; 1 if all are 0.
    package static func imbalance(of times: [Double]) -> Double {
        let total = times.reduce(0, +)
        return total > 0 ? (times.max() ?? 0) * Double(times.count) / total : 1
    }

    /// The shard that would finish a further piece of this cost earliest; ties by `order`.
    ///
    /// - Parameter fastest: The highest speed of a shard.
    private func earliestShard(for cost: Double, fastest: Double) -> Int {
        var (best, end) = (order[0], Double.infinity)
        for shard in order {
            // No later shard can finish earlier.
            guard time(of: shard) + cost / fastest < end else { break }
            let time = (loads[shard] + cost) / speeds[shard]
            if time < end { (best, end) = (shard, time) }
        }
        return best
    }

    // MARK: Local search

    /// A move of a piece from one shard to another, or a swap of two, by their indices in `pieces`.
    private struct Move {
        let from: Int
        let to: Int
        let given: Int
        let taken: Int?
    }

    /// The best move between the slowest shard and the first other shard, fastest first, for which it gains; else nil.
    private func nextMove() -> Move? {
        let last = order[order.count - 1]
        let limit = time(of: last) - Self.resolution * mean
        // The makespan is never below the mean.
        guard mean < limit else { return nil }
        for other in order.dropLast() where time(of: other) < limit {
            if let move = bestMove(from: last, to: other, before: limit) { return move }
        }
        return nil
    }

    /// The move that minimizes the later end of two shards, if that is before `limit`.
    private func bestMove(from: Int, to: Int, before limit: Double) -> Move? {
        var (best, end) = (Move?.none, limit)
        for (given, piece) in pieces[from].enumerated() {
            func consider(_ taken: Int?, cost: Double) {
                let moved = costs[piece] - cost
                let ends = ((loads[from] - moved) / speeds[from], (loads[to] + moved) / speeds[to])
                guard max(ends.0, ends.1) < end else { return }
                end = max(ends.0, ends.1)
                best = Move(from: from, to: to, given: given, taken: taken)
            }
            consider(nil, cost: 0)
            for (taken, other) in pieces[to].enumerated() { consider(taken, cost: costs[other]) }
        }
        return best
    }

    private mutating func apply(_ move: Move) {
        let given = remove(move.given, from: move.from)
        let taken = move.taken.map { remove($0, from: move.to) }
        add(given, to: move.to)
        taken.map { add($0, to: move.from) }
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

    /// The index in `order` at which a shard is, or is to be inserted.
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
