internal import Preferences

/// The division of the vocabulary projection of a packed sequence: the vocabulary into slices, which are divided over
/// threads; prediction positions into groups, whose logits are kept, and chunks of them.
package struct HeadDivision: Sendable {
    /// Consecutive trees whose loss gradients are requested together.
    struct Group {
        var examples: Range<Int>
        /// Into the packed sequence's `predictionPositions`.
        var hidden: Range<Int>
    }

    /// Slices of the vocabulary, in order; each thread has a contiguous share of them.
    package let slices: [Range<Int>]

    /// A slice of this many entries stays within the last-level cache with some hundreds of hidden states.
    private static let mostEntries = 2048
    /// The minimum number of entries for which a separate product pays off.
    private static let fewestEntries = 128

    /// Slices of equal size, at most about 2048 entries each, and the same number for each thread unless slices would
    /// have less than 128 entries.
    package init(vocabulary: Int, threads: Int) {
        let fewest = (vocabulary + Self.mostEntries - 1) / Self.mostEntries
        let even = (fewest + threads - 1) / threads * threads
        let count = max(fewest, min(even, vocabulary / Self.fewestEntries))
        slices = (0..<count).map { vocabulary * $0 / count..<vocabulary * ($0 + 1) / count }
    }

    /// The entries of the largest slice.
    var largestSlice: Int { slices.map(\.count).max() ?? 0 }

    /// Consecutive trees whose hidden states fit `size` together; a larger tree is a group of its own.
    static func groups(of row: PackedSequence, size: Int) -> [Group] {
        var groups: [Group] = []
        for tree in row.trees {
            if let last = groups.last, tree.predictionPositions.upperBound - last.hidden.lowerBound <= size {
                groups[groups.count - 1] = Group(
                    examples: last.examples.lowerBound..<tree.examples.upperBound,
                    hidden: last.hidden.lowerBound..<tree.predictionPositions.upperBound
                )
            } else {
                groups.append(Group(examples: tree.examples, hidden: tree.predictionPositions))
            }
        }
        return groups
    }

    /// Consecutive parts of a range, of at most `size`.
    static func chunks(_ range: Range<Int>, size: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: size).map { $0..<min($0 + size, range.upperBound) }
    }

    /// Consecutive parts of a range, each of `size` but the first, which may be smaller.
    static func chunks(endingFull range: Range<Int>, size: Int) -> [Range<Int>] {
        let rest = range.count % size
        let first = range.lowerBound..<range.lowerBound + rest
        return (rest > 0 ? [first] : []) + chunks(first.upperBound..<range.upperBound, size: size)
    }

    /// The labels that hidden states `hidden` predict; labels ascend by hidden state.
    static func labels(of row: PackedSequence, hidden: Range<Int>) -> Range<Int> {
        let lower = row.labels.partitioningIndex { Int($0.hidden) >= hidden.lowerBound }
        return lower..<row.labels.partitioningIndex { Int($0.hidden) >= hidden.upperBound }
    }
}

extension Array {
    /// The first index whose element satisfies `predicate`, all later ones satisfying it too.
    fileprivate func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
