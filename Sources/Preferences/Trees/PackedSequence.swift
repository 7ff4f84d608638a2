/// A packed sequence of token trees: the input of one forward and backward pass.
///
/// Token `i` of a node attends to all tokens of the node's ancestors, and to those of the node up to `i`; nothing else.
package struct PackedSequence: Sendable, Equatable {
    /// A run of tokens that continues its parent.
    package struct Node: Sendable, Equatable {
        /// Index of the parent node, or -1 for a root.
        package var parent: Int
        /// Indices of its tokens in the packed sequence.
        package var tokens: Range<Int>

        /// A node with this parent and these tokens.
        package init(parent: Int, tokens: Range<Int>) {
            self.parent = parent
            self.tokens = tokens
        }
    }

    /// The label of a counted prediction.
    package struct Label: Sendable, Equatable {
        /// Index into `predictionPositions` of the hidden state that predicts the token.
        package var hidden: Int32
        /// The token to predict.
        package var token: Int32

        /// The label of this token.
        package init(hidden: Int32, token: Int32) {
            self.hidden = hidden
            self.token = token
        }
    }

    /// One tree, without the stems above its first node.
    ///
    /// Trees are consecutive; they and the stems between them, which belong to no example, cover the packed sequence.
    package struct TreeSlice: Sendable, Equatable {
        package var nodes: Range<Int>
        package var tokens: Range<Int>
        package var predictionPositions: Range<Int>
        package var labels: Range<Int>
        package var examples: Range<Int>
    }

    /// One example of the dataset.
    package struct ExampleSlice: Sendable, Equatable {
        /// Index of the example in the dataset.
        package var index: Int
        /// Indices into `responses`, best first.
        package var responses: Range<Int>

        /// An example with its responses.
        package init(index: Int, responses: Range<Int>) {
            self.index = index
            self.responses = responses
        }
    }

    /// One response.
    package struct ResponseSlice: Sendable, Equatable {
        /// Index of the response in the dataset.
        package var index: Int
        /// Its rank in its example: 0 is best, equal numbers are ties.
        package var rank: Int
        /// Indices into `responseLabels`: one label for each counted token of the response, in order.
        package var labels: Range<Int>

        /// A response with its labels.
        package init(index: Int, rank: Int, labels: Range<Int>) {
            self.index = index
            self.rank = rank
            self.labels = labels
        }
    }

    /// Token ids, `[T]`.
    package internal(set) var tokens: [Int32] = []
    /// The position id of each token, its depth in the tree, `[T]`.
    package internal(set) var positions: [Int32] = []
    /// Nodes, each after its parent.
    package internal(set) var nodes: [Node] = []
    /// Prediction positions: indices of tokens whose hidden state predicts a counted token, ascending, `[L]`.
    package internal(set) var predictionPositions: [Int32] = []
    /// Labels, ascending by hidden state; a state has one for each distinct token that follows it.
    package internal(set) var labels: [Label] = []
    package internal(set) var trees: [TreeSlice] = []
    package internal(set) var examples: [ExampleSlice] = []
    package internal(set) var responses: [ResponseSlice] = []
    /// Indices into `labels`, response by response; responses with a common prefix share labels.
    package internal(set) var responseLabels: [Int32] = []

    /// An empty sequence.
    package init() {}

    /// A packed sequence of these trees, which share nothing with each other.
    package init(_ trees: some Sequence<TokenTree>) {
        for tree in trees { append(tree, below: -1, depth: 0) }
    }

    /// A packed sequence of trees, with the stems that they share.
    init(_ packed: PackedTrees) {
        // Depth first with an explicit stack: stems may be deeper than the thread's stack.
        var stack = [(trees: packed, parent: -1, depth: 0)]
        while let (trees, parent, depth) = stack.popLast() {
            switch trees.content {
            case .tree(let tree, _):
                append(tree, below: parent, depth: depth)
            case .parts(let parts, let stem):
                let node = stem > depth ? append(stem: trees.firstTree.stem.prefix(stem), below: parent, depth) : parent
                let ordered = parts.sorted { $0.firstExample > $1.firstExample }
                stack += ordered.map { ($0, node, max(stem, depth)) }
            }
        }
    }

    /// Appends the node of a stem from `depth` on, and returns its index.
    private mutating func append(stem: ArraySlice<Int32>, below parent: Int, _ depth: Int) -> Int {
        let start = tokens.count
        tokens += stem.dropFirst(depth)
        positions += Int32(depth)..<Int32(stem.count)
        nodes.append(Node(parent: parent, tokens: start..<tokens.count))
        return nodes.count - 1
    }

    /// Appends a tree without the first `depth` tokens of its first node, and shifts its indices behind the existing
    /// ones.
    ///
    /// - Parameter parent: The node of these tokens, or -1 for a depth of 0.
    private mutating func append(_ tree: TokenTree, below parent: Int, depth: Int) {
        let part = tree.row
        precondition(depth == 0 || depth < part.nodes[0].tokens.count, "a stem within the first node")
        let (start, node, hidden, label) = (tokens.count, nodes.count, predictionPositions.count, labels.count)
        let (example, response, list) = (examples.count, responses.count, responseLabels.count)
        let shift = start - depth
        tokens += part.tokens.dropFirst(depth)
        positions += part.positions.dropFirst(depth)
        nodes += part.nodes.map {
            let tokens = $0.tokens.shifted(by: shift)
            guard $0.parent < 0 else { return Node(parent: $0.parent + node, tokens: tokens) }
            return Node(parent: parent, tokens: tokens.lowerBound + depth..<tokens.upperBound)
        }
        predictionPositions += part.predictionPositions.map { $0 + Int32(shift) }
        labels += part.labels.map { Label(hidden: $0.hidden + Int32(hidden), token: $0.token) }
        responseLabels += part.responseLabels.map { $0 + Int32(label) }
        responses += part.responses.map {
            ResponseSlice(index: $0.index, rank: $0.rank, labels: $0.labels.shifted(by: list))
        }
        examples += part.examples.map { ExampleSlice(index: $0.index, responses: $0.responses.shifted(by: response)) }
        trees.append(
            TreeSlice(
                nodes: node..<nodes.count,
                tokens: start..<tokens.count,
                predictionPositions: hidden..<predictionPositions.count,
                labels: label..<labels.count,
                examples: example..<examples.count
            )
        )
    }
}

extension Range<Int> {
    fileprivate func shifted(by distance: Int) -> Range<Int> { lowerBound + distance..<upperBound + distance }
}
