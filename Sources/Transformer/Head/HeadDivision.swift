internal import Preferences

/// The division of the vocabulary projection of a packed sequence: the vocabulary into slices, which are divided over
/// threads; hidden states into groups, whose logits are kept, and chunks of them.
package struct HeadDivision: Sendable {
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

    /// The indices of the labels that a hidden state predicts; labels ascend by hidden state.
    static func labels(of row: PackedSequence, state: Int32) -> Range<Int> {
        let lower = row.labels.partitioningIndex { $0.hidden >= state }
        return lower..<row.labels.partitioningIndex { $0.hidden > state }
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
