/// One tree of tokens: a prompt with its responses, or several such that begin alike, laid flat depth first.
///
/// Every rank knows the cost of all trees of a step, and lays flat its own alone.
package struct TokenTree: Sendable {
    private let dataset: PreferenceDataset
    private let sharing: Sharing
    /// The dataset's rows that it is made of, at least one.
    private let rows: [Int]
    /// What it costs.
    package let work: Work

    /// The number of its tokens.
    package var count: Int { work.tokens }
    /// The first of the dataset rows that it was made of.
    package var firstExample: Int { rows[0] }

    /// The tree of one dataset row.
    package init(_ dataset: PreferenceDataset, row: Int, sharing: Sharing) {
        self.init(dataset, rows: [row], trunk: dataset.prompt(row).count, sharing: sharing)
    }

    private init(_ dataset: PreferenceDataset, rows: [Int], trunk: Int, sharing: Sharing) {
        (self.dataset, self.rows, self.sharing) = (dataset, rows, sharing)
        work = TreePaths(dataset, rows: rows, trunk: trunk, sharing: sharing).work
    }

    /// The tree alone in a row, laid flat anew each time; its `trees` are left to the row into which it is packed.
    package var row: PackedRow {
        var builder = TreeBuilder(sharing: sharing)
        for row in rows { builder.add(example: row, of: dataset) }
        return builder.flattened()
    }

    /// The trees of a group of rows: one after the other joins the last tree as far as `limit` tokens allow.
    ///
    /// - Parameter group: Of `PromptGroups`; all prompts begin with the whole of the first.
    static func trees(_ dataset: PreferenceDataset, group: [Int], sharing: Sharing, limit: Int) -> [TokenTree] {
        guard group.count > 1 else { return group.map { TokenTree(dataset, row: $0, sharing: sharing) } }
        let trunk = dataset.prompt(group[0]).count
        var trees: [[Int]] = []
        var last = TreePaths(dataset, trunk: trunk, sharing: sharing)
        for row in group {
            last.add(row: row)
            if trees.isEmpty || last.tokens > limit {
                trees.append([row])
                last = TreePaths(dataset, rows: [row], trunk: trunk, sharing: sharing)
            } else {
                trees[trees.count - 1].append(row)
            }
        }
        return trees.map { TokenTree(dataset, rows: $0, trunk: trunk, sharing: sharing) }
    }
}
