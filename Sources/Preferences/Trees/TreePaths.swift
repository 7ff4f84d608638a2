/// The paths of a tree, from which its cost is computed without building it.
///
/// In a trie they are in lexicographic order: the tokens that a path adds to the tree are those after its longest
/// common prefix (LCP) with the path before it, as in a suffix array with its LCP array. Insertion is the binary search
/// of Manber & Myers, *Suffix arrays: a new method for on-line string searches*, 1993.
struct TreePaths {
    /// A prompt with one response.
    private struct Path {
        /// The ranges of its tokens in `promptIDs` and `responseIDs`.
        let prompt: Range<Int>
        let response: Range<Int>
        /// The number of counted tokens, which are the last ones.
        let counted: Int
        /// The length of the common prefix with the path before it.
        var common = 0

        var count: Int { prompt.count + response.count }
        /// The positions from which a counted token is predicted; no prompt is empty.
        var predicting: Range<Int> { count - counted - 1..<count - 1 }
    }

    private let dataset: PreferenceDataset
    private let sharing: Sharing
    private let commonPrefix: Int
    private var paths: [Path] = []
    /// The number of tokens in the tree.
    private(set) var tokens = 0

    /// The paths of these examples.
    ///
    /// - Parameter commonPrefix: The length of a common prefix of all prompts, also of examples that are added later.
    init(_ dataset: PreferenceDataset, rows: [Int] = [], commonPrefix: Int, sharing: Sharing) {
        (self.dataset, self.commonPrefix, self.sharing) = (dataset, commonPrefix, sharing)
        for row in rows { add(row: row) }
    }

    /// Adds the paths of an example.
    mutating func add(row: Int) {
        let prompt = dataset.promptOffsets[row]..<dataset.promptOffsets[row + 1]
        let responses = dataset.responses(of: row)
        for response in responses {
            let counted = dataset.countedRange(response).count
            let path = Path(prompt: prompt, response: dataset.responseRange(response), counted: counted)
            switch sharing {
            case .none: append(path, common: 0)
            case .prompt: append(path, common: response == responses.lowerBound ? 0 : prompt.count)
            case .prefix, .any: insert(path)
            }
        }
    }

    private mutating func append(_ path: Path, common: Int) {
        paths.append(path)
        paths[paths.count - 1].common = common
        tokens += path.count - common
    }

    /// Inserts a path in lexicographic order, and updates the common prefixes with its neighbors.
    private mutating func insert(_ path: Path) {
        guard !paths.isEmpty else { return append(path, common: 0) }
        var (low, high) = (0, paths.count)
        var (commonBefore, commonAfter) = (commonPrefix, commonPrefix)
        while low < high {
            let middle = (low + high) / 2
            // A path between two others has their common prefix.
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

    /// The length of the common prefix of two paths, which is at least `known`.
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

    /// The amount of computation of the tree.
    ///
    /// - Parameter window: Of the layers whose attention has one; nil if none has.
    func work(window: Int?) -> Work {
        var work = Work(tokens: tokens)
        // Positions of the path that predict a token of this path or an earlier one: disjoint, ascending.
        var predicting: [Range<Int>] = []
        for path in paths {
            work.visiblePairs += Work.pairs(ofChain: path.count) - Work.pairs(ofChain: path.common)
            if let window {
                work.windowedPairs += Work.pairs(ofChain: path.count, window: window)
                work.windowedPairs -= Work.pairs(ofChain: path.common, window: window)
            }
            predicting.cut(at: path.common)
            // The positions of an earlier path end no later than those of a later one.
            let known = predicting.cut(at: path.predicting.lowerBound)
            work = work + Work(ofPredictions: path.predicting, window: window)
            for range in known { work = work - Work(ofPredictions: range, window: window) }
            predicting.append(path.predicting)
        }
        return work
    }
}

extension [Range<Int>] {
    /// Removes the numbers from `limit` on from ascending ranges, and returns them.
    @discardableResult
    fileprivate mutating func cut(at limit: Int) -> [Range<Int>] {
        var lost: [Range<Int>] = []
        while let range = last, range.upperBound > limit {
            removeLast()
            lost.append(range.clamped(to: limit..<Int.max))
            if range.lowerBound < limit { append(range.lowerBound..<limit) }
        }
        return lost
    }
}
