/// A packed sequence of token trees: the input of one forward and backward pass.
///
/// Token `i` of a node attends to all tokens of the node's ancestors, and to those of the node up to `i`; nothing else.
package struct PackedRow: Sendable, Equatable {
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
    package struct Target: Sendable, Equatable {
        /// Index into `lossRows` of the hidden state that predicts the token.
        package var hidden: Int32
        /// The token to predict.
        package var token: Int32

        /// The label of this token.
        package init(hidden: Int32, token: Int32) {
            self.hidden = hidden
            self.token = token
        }
    }

    /// One tree; trees are consecutive and cover the packed sequence.
    package struct TreeSlice: Sendable, Equatable {
        package var nodes: Range<Int>
        package var tokens: Range<Int>
        package var lossRows: Range<Int>
        package var targets: Range<Int>
        package var examples: Range<Int>
    }

    /// One example of the dataset.
    package struct ExampleSlice: Sendable, Equatable {
        /// Index of the example in the dataset.
        package var row: Int
        /// Indices into `responses`, best first.
        package var responses: Range<Int>

        /// An example with its responses.
        package init(row: Int, responses: Range<Int>) {
            self.row = row
            self.responses = responses
        }
    }

    /// One response.
    package struct ResponseSlice: Sendable, Equatable {
        /// Index of the response in the dataset.
        package var index: Int
        /// Its rank in its example: 0 is best, equal numbers are ties.
        package var rank: Int
        /// Indices into `responseTargets`: one label for each counted token of the response, in order.
        package var targets: Range<Int>

        /// A response with its labels.
        package init(index: Int, rank: Int, targets: Range<Int>) {
            self.index = index
            self.rank = rank
            self.targets = targets
        }
    }

    /// Token ids, `[T]`.
    package internal(set) var tokens: [Int32] = []
    /// The position id of each token, its depth in the tree, `[T]`.
    package internal(set) var positions: [Int32] = []
    /// Nodes, each after its parent.
    package internal(set) var nodes: [Node] = []
    /// Prediction positions: indices of tokens whose hidden state predicts a counted token, ascending, `[L]`.
    package internal(set) var lossRows: [Int32] = []
    /// Labels, ascending by hidden state; a state has one for each distinct token that follows it.
    package internal(set) var targets: [Target] = []
    package internal(set) var trees: [TreeSlice] = []
    package internal(set) var examples: [ExampleSlice] = []
    package internal(set) var responses: [ResponseSlice] = []
    /// Indices into `targets`, response by response; responses with a common prefix share labels.
    package internal(set) var responseTargets: [Int32] = []

    /// An empty sequence.
    package init() {}

    /// A packed sequence of these trees.
    package init(_ trees: some Sequence<TokenTree>) {
        for tree in trees { append(tree) }
    }

    /// Appends a tree and shifts its indices behind the existing ones.
    private mutating func append(_ tree: TokenTree) {
        let part = tree.row
        let (token, node, hidden, target) = (tokens.count, nodes.count, lossRows.count, targets.count)
        let (example, response, list) = (examples.count, responses.count, responseTargets.count)
        tokens += part.tokens
        positions += part.positions
        nodes += part.nodes.map {
            Node(parent: $0.parent < 0 ? -1 : $0.parent + node, tokens: $0.tokens.shifted(by: token))
        }
        lossRows += part.lossRows.map { $0 + Int32(token) }
        targets += part.targets.map { Target(hidden: $0.hidden + Int32(hidden), token: $0.token) }
        responseTargets += part.responseTargets.map { $0 + Int32(target) }
        responses += part.responses.map {
            ResponseSlice(index: $0.index, rank: $0.rank, targets: $0.targets.shifted(by: list))
        }
        examples += part.examples.map { ExampleSlice(row: $0.row, responses: $0.responses.shifted(by: response)) }
        trees.append(
            TreeSlice(
                nodes: node..<nodes.count,
                tokens: token..<tokens.count,
                lossRows: hidden..<lossRows.count,
                targets: target..<targets.count,
                examples: example..<examples.count
            )
        )
    }
}

extension Range<Int> {
    fileprivate func shifted(by distance: Int) -> Range<Int> { lowerBound + distance..<upperBound + distance }
}
