/// The rows of `order` such that those of a group come together, within one step wherever there is room.
///
/// Groups come in the order of their first rows, and their rows as in `order`. Each step has `batchSize` rows all the
/// same: where the next group does not fit the rest of a step, the first later one that does is taken before it; where
/// none does, it is divided. A group larger than a step fills whole steps first.
///
/// - Parameter groups: For each row the number of its group.
func gathered(_ order: [Int], groups: [Int], batchSize: Int) -> [Int] {
    var pieces = pieces(of: order, groups: groups, size: batchSize)
    // For each size the pieces that have it, the first of them last.
    var waiting = Array(repeating: [Int](), count: batchSize + 1)
    for index in pieces.indices.reversed() { waiting[pieces[index].count].append(index) }
    // Few of many sizes.
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
        let room = batchSize - result.count % batchSize
        if let size = first(upTo: room) {
            result += pieces[take(size)]
        } else if let size = first(upTo: batchSize) {
            let divided = take(size)
            result += pieces[divided].prefix(room)
            pieces[divided].removeFirst(room)
            // It was the first of all, so it is the first of its new size.
            waiting[size - room].append(divided)
            sizes.insert(size - room)
        }
    }
    return result
}

/// The rows of each group in order, cut where they are more than `size`.
private func pieces(of order: [Int], groups: [Int], size: Int) -> [ArraySlice<Int>] {
    var members: [Int: [Int]] = [:]
    for row in order { members[groups[row], default: []].append(row) }
    return order.flatMap { row -> [ArraySlice<Int>] in
        // A group stands where its first row does.
        guard let rows = members[groups[row]], rows[0] == row else { return [] }
        return stride(from: 0, to: rows.count, by: size).map { rows[$0..<min($0 + size, rows.count)] }
    }
}
