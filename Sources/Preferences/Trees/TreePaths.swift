/// The paths of a tree, by which its cost is known without building it.
///
/// With `prefix` they are in lexicographic order of their tokens: what a path has that no earlier one has are then the
/// tokens beyond what it has in common with the one before it, as in a suffix array with its common prefixes (Manber &
/// Myers, *Suffix arrays: a new method for on-line string searches*, 1993, whose search this is too).
struct TreePaths {
    /// A prompt with one response.
    private struct Path {
        /// Where its tokens lie among all prompts' and all responses'.
        let prompt: Range<Int>
        let response: Range<Int>
        /// How many tokens at its end are counted.
        let counted: Int
        /// How many tokens at its beginning are those of the path before it.
        var common = 0

        var count: Int { prompt.count + response.count }
        /// The positions whose states predict a counted token; no prompt is empty.
        var predicting: Range<Int> { count - counted - 1..<count - 1 }
    }

    private let dataset: PreferenceDataset
    private let sharing: Sharing
    private let trunk: Int
    private var paths: [Path] = []
    /// The tokens of the tree.
    private(set) var tokens = 0

    /// The paths of these rows.
    ///
    /// - Parameter trunk: With how many tokens the prompts of all rows begin alike, also of those that are added later.
    init(_ dataset: PreferenceDataset, rows: [Int] = [], trunk: Int, sharing: Sharing) {
        (self.dataset, self.trunk, self.sharing) = (dataset, trunk, sharing)
        for row in rows { add(row: row) }
    }

    /// Adds those of a row of the dataset.
    mutating func add(row: Int) {
        let prompt = dataset.promptOffsets[row]..<dataset.promptOffsets[row + 1]
        let responses = dataset.responses(of: row)
        for response in responses {
            let counted = dataset.countedRange(response).count
            let path = Path(prompt: prompt, response: dataset.responseRange(response), counted: counted)
            switch sharing {
            case .none: append(path, common: 0)
            case .prompt: append(path, common: response == responses.lowerBound ? 0 : prompt.count)
            case .prefix: insert(path)
            }
        }
    }

    private mutating func append(_ path: Path, common: Int) {
        paths.append(path)
        paths[paths.count - 1].common = common
        tokens += path.count - common
    }

    /// Puts a path where it belongs: between those before and after it, with each of which it has something in common.
    private mutating func insert(_ path: Path) {
        guard !paths.isEmpty else { return append(path, common: 0) }
        var (low, high) = (0, paths.count)
        var (commonBefore, commonAfter) = (trunk, trunk)
        while low < high {
            let middle = (low + high) / 2
            // What lies between two paths begins as they do.
            let common = common(path, paths[middle], from: min(commonBefore, commonAfter))
            if precedes(path, paths[middle], common: common) {
                (high, commonAfter) = (middle, common)
            } else {
                (low, commonBefore) = (middle + 1, common)
            }
        }
        if low < paths.count { paths[low].common = commonAfter }
        paths.insert(path, at: low)
        paths[low].common = low == 0 ? 0 : commonBefore
        tokens += path.count - max(commonBefore, commonAfter)
    }

    /// How many tokens two paths have in common at their beginning, of which they have `known` or more.
    private func common(_ path: Path, _ other: Path, from known: Int) -> Int {
        var position = known
        let end = min(path.count, other.count)
        while position < end, token(path, position) == token(other, position) { position += 1 }
        return position
    }

    private func precedes(_ path: Path, _ other: Path, common: Int) -> Bool {
        guard common < path.count, common < other.count else { return path.count < other.count }
        return token(path, common) < token(other, common)
    }

    private func token(_ path: Path, _ position: Int) -> Int32 {
        let behind = position - path.prompt.count
        guard behind < 0 else { return dataset.responseIDs[path.response.lowerBound + behind] }
        return dataset.promptIDs[path.prompt.upperBound + behind]
    }

    // MARK: Cost

    /// What the tree costs.
    var work: Work {
        var work = Work(tokens: tokens)
        // Of the path, the positions whose states predict for an earlier one or for itself; apart, ascending.
        var predicting: [Range<Int>] = []
        for path in paths {
            work.visiblePairs += Self.visiblePairs(path.count) - Self.visiblePairs(path.common)
            _ = predicting.cut(at: path.common)
            // Those of an earlier path end before those of a later one, or with them.
            let known = predicting.cut(at: path.predicting.lowerBound)
            work.lossRows += path.predicting.count - known
            predicting.append(path.predicting)
        }
        return work
    }

    /// A token sees as many tokens as its position has before it, and itself.
    private static func visiblePairs(_ count: Int) -> Int { count * (count + 1) / 2 }
}

extension [Range<Int>] {
    /// Leaves of ascending ranges what lies below `limit`, and tells how many numbers they have lost.
    fileprivate mutating func cut(at limit: Int) -> Int {
        var lost = 0
        while let range = last, range.upperBound > limit {
            removeLast()
            let rest = range.clamped(to: Int.min..<limit)
            lost += range.count - rest.count
            if !rest.isEmpty { append(rest) }
        }
        return lost
    }
}
