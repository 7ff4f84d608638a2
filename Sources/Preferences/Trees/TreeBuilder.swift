/// Builds a tree from sequences, then flattens it.
///
/// Inserting a sequence follows the matching children and splits a branch at the first difference, so that the result
/// is a radix trie in which every common prefix is one path.
struct TreeBuilder {
    private struct Branch {
        var tokens: ArraySlice<Int32>
        var children: [Int] = []
    }

    /// The branch at which a response ends, and the number of its counted tokens, which are the last ones.
    private struct Ending {
        let response: Int
        let rank: Int
        var branch: Int
        let count: Int
    }

    private let sharing: Sharing
    private var branches: [Branch] = [Branch(tokens: [])]
    private var endings: [Ending] = []
    private var examples: [PackedSequence.ExampleSlice] = []

    init(sharing: Sharing) {
        self.sharing = sharing
    }

    mutating func add(example index: Int, of dataset: PreferenceDataset) {
        let first = endings.count
        let prompt = dataset.prompt(index)
        var trunk: Int?
        for (response, rank) in zip(dataset.responses(of: index), dataset.ranks(of: index)) {
            let tokens = dataset.response(response)
            let end: Int
            switch sharing {
            case .none:
                end = append(prompt + tokens, to: 0)
            case .prompt:
                let parent = trunk ?? append(prompt, to: 0)
                trunk = parent
                end = append(tokens, to: parent)
            case .prefix, .any:
                end = insert(prompt + tokens, below: 0)
            }
            let count = dataset.countedRange(response).count
            endings.append(Ending(response: response, rank: rank, branch: end, count: count))
        }
        examples.append(PackedSequence.ExampleSlice(index: index, responses: first..<endings.count))
    }

    private mutating func append(_ tokens: ArraySlice<Int32>, to parent: Int) -> Int {
        branches.append(Branch(tokens: tokens))
        branches[parent].children.append(branches.count - 1)
        return branches.count - 1
    }

    /// Follows `tokens` along the trie, appends the rest, and returns the branch at which they end.
    private mutating func insert(_ tokens: ArraySlice<Int32>, below root: Int) -> Int {
        var node = root
        var rest = tokens
        while let token = rest.first {
            guard let child = branches[node].children.first(where: { branches[$0].tokens.first == token }) else {
                return append(rest, to: node)
            }
            let common = zip(branches[child].tokens, rest).prefix { $0 == $1 }.count
            if common < branches[child].tokens.count { split(child, after: common) }
            node = child
            rest = rest.dropFirst(common)
        }
        return node
    }

    /// Keeps the first `count` tokens in `branch` and moves the rest, with children and endings, to a new child.
    private mutating func split(_ branch: Int, after count: Int) {
        let lower = Branch(tokens: branches[branch].tokens.dropFirst(count), children: branches[branch].children)
        branches.append(lower)
        branches[branch].tokens = branches[branch].tokens.prefix(count)
        branches[branch].children = [branches.count - 1]
        for index in endings.indices where endings[index].branch == branch {
            endings[index].branch = branches.count - 1
        }
    }

    // MARK: Flattening

    func flattened() -> PackedSequence {
        var row = PackedSequence()
        var nodeOfBranch = Array(repeating: -1, count: branches.count)
        // Depth first with an explicit stack: trees may be deeper than the thread's stack.
        var stack = branches[0].children.reversed().map { (branch: $0, parent: -1) }
        while let (branch, parent) = stack.popLast() {
            nodeOfBranch[branch] = row.nodes.count
            let start = row.tokens.count
            let depth = parent < 0 ? 0 : row.positions[row.nodes[parent].tokens.upperBound - 1] + 1
            row.tokens += branches[branch].tokens
            row.positions += (0..<Int32(branches[branch].tokens.count)).map { depth + $0 }
            row.nodes.append(PackedSequence.Node(parent: parent, tokens: start..<row.tokens.count))
            stack += branches[branch].children.reversed().map { ($0, row.nodes.count - 1) }
        }
        addLabels(&row, nodeOfBranch)
        row.examples = examples
        return row
    }

    /// Adds the predictions of all responses, each once, and the labels of each response.
    private func addLabels(_ row: inout PackedSequence, _ nodeOfBranch: [Int]) {
        let paths = endings.map { path(to: nodeOfBranch[$0.branch], count: $0.count, in: row) }
        // Pairs of prediction position and predicted token, ordered by position, then by token id.
        var predictions: Set<Prediction> = []
        for path in paths { predictions.formUnion(path) }
        var indexOfPrediction: [Prediction: Int32] = [:]
        for prediction in predictions.sorted() {
            if row.predictionPositions.last != prediction.row { row.predictionPositions.append(prediction.row) }
            indexOfPrediction[prediction] = Int32(row.labels.count)
            row.labels.append(
                PackedSequence.Label(hidden: Int32(row.predictionPositions.count - 1), token: prediction.token)
            )
        }
        for (ending, path) in zip(endings, paths) {
            let start = row.responseLabels.count
            row.responseLabels += path.map { indexOfPrediction[$0]! }
            row.responses.append(
                PackedSequence.ResponseSlice(
                    index: ending.response,
                    rank: ending.rank,
                    labels: start..<row.responseLabels.count
                )
            )
        }
    }

    /// The prediction of a token from the hidden state at a position of the flattened tree.
    private struct Prediction: Hashable, Comparable {
        let row: Int32
        let token: Int32

        static func < (a: Prediction, b: Prediction) -> Bool { (a.row, a.token) < (b.row, b.token) }
    }

    /// The predictions of the last `count` tokens of the path that ends at `node`, in order.
    private func path(to node: Int, count: Int, in row: PackedSequence) -> [Prediction] {
        var rows: [Int] = []
        var current = node
        while current >= 0, rows.count <= count {
            rows += row.nodes[current].tokens.reversed().prefix(count + 1 - rows.count)
            current = row.nodes[current].parent
        }
        rows.reverse()
        return zip(rows, rows.dropFirst()).map { Prediction(row: Int32($0), token: row.tokens[$1]) }
    }
}
