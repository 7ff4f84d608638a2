/// Reorders the examples of `order` so that those of a group are consecutive, and in one step if they fit.
///
/// Groups are ordered by their first examples, and keep the order of their examples. Each step still has `batchSize`
/// examples: if the next group does not fit the rest of a step, the first later one that fits is taken before it; if
/// none fits, the group is split. A group larger than a step fills whole steps first.
///
/// - Parameter groups: The group number of each example.
func grouped(_ order: [Int], groups: [Int], batchSize: Int) -> [Int] {
    var pieces = pieces(of: order, groups: groups, size: batchSize)
    // The pieces of each size, the first one last.
    var waiting = Array(repeating: [Int](), count: batchSize + 1)
    for index in pieces.indices.reversed() { waiting[pieces[index].count].append(index) }
    // The sizes that occur, which are few.
    var sizes = Set(pieces.lazy.map(\.count))
    func first(upTo most: Int) -> Int? {
        sizes.lazy.filter { $0 <= most }.min { waiting[$0].last! < waiting[$1].last! }
    }
    func take(_ size: Int) -> Int {
        let first = waiting[size].removeLast()
        if waiting[size].isEmpty { sizes.remove(size) }
        return first
    }
    var result: [Int] = []
    while result.count < order.count {
        let capacity = batchSize - result.count % batchSize
        if let size = first(upTo: capacity) {
            result += pieces[take(size)]
        } else if let size = first(upTo: batchSize) {
            let split = take(size)
            result += pieces[split].prefix(capacity)
            pieces[split].removeFirst(capacity)
            // It was the first of all pieces, so it is the first of its new size.
            waiting[size - capacity].append(split)
            sizes.insert(size - capacity)
        }
    }
    return result
}

/// The examples of each group in order, split into pieces of at most `size`.
private func pieces(of order: [Int], groups: [Int], size: Int) -> [ArraySlice<Int>] {
    var members: [Int: [Int]] = [:]
    for row in order { members[groups[row], default: []].append(row) }
    return order.flatMap { row -> [ArraySlice<Int>] in
        // A group is emitted at its first example.
        guard let rows = members[groups[row]], rows[0] == row else { return [] }
        return stride(from: 0, to: rows.count, by: size).map { rows[$0..<min($0 + size, rows.count)] }
    }
}
