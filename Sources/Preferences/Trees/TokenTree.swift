/// One tree of tokens: a prompt with its responses, or several examples with a common prefix, in depth-first order.
///
/// Every rank computes the cost of all trees of a step, but flattens only its own.
package struct TokenTree: Sendable {
    private let dataset: PreferenceDataset
    private let sharing: Sharing
    /// The examples in the tree, at least one.
    private let rows: [Int]
    /// The amount of computation.
    package let work: Work

    /// The number of tokens.
    package var count: Int { work.tokens }
    /// The first example in the tree.
    package var firstExample: Int { rows[0] }

    /// The tokens that the tree may share with other trees: the common prefix of its prompts without its last token.
    ///
    /// The last token of a prompt predicts the first token of a response, so that trees share no prediction position and
    /// no label. The tree's first node continues the stem by at least one token.
    var stem: ArraySlice<Int32> { dataset.prompt(rows[0]).prefix(stemCount) }
    private let stemCount: Int

    /// The tree of one example.
    ///
    /// - Parameter window: Of the layers whose attention has one, for `work`; nil if none has.
    package init(_ dataset: PreferenceDataset, example row: Int, sharing: Sharing, window: Int? = nil) {
        self.init(dataset, rows: [row], commonPrefix: dataset.prompt(row).count, sharing: sharing, window: window)
    }

    private init(_ dataset: PreferenceDataset, rows: [Int], commonPrefix: Int, sharing: Sharing, window: Int?) {
        (self.dataset, self.rows, self.sharing) = (dataset, rows, sharing)
        let first = dataset.prompt(rows[0])
        stemCount =
            rows.reduce(first.count) { count, row in
                min(count, zip(first, dataset.prompt(row)).prefix { $0 == $1 }.count)
            } - 1
        work = TreePaths(dataset, rows: rows, commonPrefix: commonPrefix, sharing: sharing).work(window: window)
    }

    /// The tree flattened to a packed sequence of its own, computed at every access; the sequence into which it is
    /// packed sets `trees`.
    package var row: PackedSequence {
        var builder = TreeBuilder(sharing: sharing)
        for row in rows { builder.add(example: row, of: dataset) }
        return builder.flattened()
    }

    /// The trees of a group of examples: each example joins the last tree unless that exceeds `limit` tokens.
    ///
    /// - Parameters:
    ///   - group: A group of `PromptGroups`: the first prompt is a prefix of all others.
    ///   - window: Of the layers whose attention has one; nil if none has.
    static func trees(
        _ dataset: PreferenceDataset,
        group: [Int],
        sharing: Sharing,
        limit: Int,
        window: Int?
    ) -> [TokenTree] {
        guard group.count > 1 else {
            return group.map { TokenTree(dataset, example: $0, sharing: sharing, window: window) }
        }
        let commonPrefix = dataset.prompt(group[0]).count
        var trees: [[Int]] = []
        var last = TreePaths(dataset, commonPrefix: commonPrefix, sharing: sharing)
        for row in group {
            last.add(row: row)
            if trees.isEmpty || last.tokens > limit {
                trees.append([row])
                last = TreePaths(dataset, rows: [row], commonPrefix: commonPrefix, sharing: sharing)
            } else {
                trees[trees.count - 1].append(row)
            }
        }
        return trees.map {
            TokenTree(dataset, rows: $0, commonPrefix: commonPrefix, sharing: sharing, window: window)
        }
    }
}
