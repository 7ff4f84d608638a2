/// One packed row: what a forward and a backward pass run over.
///
/// Token `i` of a node sees all tokens of the node's ancestors, and those of the node up to `i`; nothing else.
package struct PackedRow: Sendable, Equatable {
    /// A run of tokens that continues its parent.
    package struct Node: Sendable, Equatable {
        /// Index of the node that this one continues, or -1 for a root.
        package var parent: Int
        /// Row indices of its tokens.
        package var tokens: Range<Int>

        /// A node of this parent and these tokens.
        package init(parent: Int, tokens: Range<Int>) {
            self.parent = parent
            self.tokens = tokens
        }
    }

    /// A counted prediction.
    package struct Target: Sendable, Equatable {
        /// Index into `lossRows` of the hidden state that predicts.
        package var hidden: Int32
        /// The token to predict.
        package var token: Int32

        /// A prediction of this token.
        package init(hidden: Int32, token: Int32) {
            self.hidden = hidden
            self.token = token
        }
    }

    /// One tree; trees follow each other and cover the row.
    package struct TreeSlice: Sendable, Equatable {
        package var nodes: Range<Int>
        package var tokens: Range<Int>
        package var lossRows: Range<Int>
        package var targets: Range<Int>
        package var examples: Range<Int>
    }

    /// One row of the dataset.
    package struct ExampleSlice: Sendable, Equatable {
        /// Index of the dataset's row.
        package var row: Int
        /// Into `responses`, best first.
        package var responses: Range<Int>

        /// A row of the dataset with its responses.
        package init(row: Int, responses: Range<Int>) {
            self.row = row
            self.responses = responses
        }
    }

    /// One response.
    package struct ResponseSlice: Sendable, Equatable {
        /// Index of the dataset's response.
        package var index: Int
        /// Its rank in its example: 0 is best, equal numbers are ties.
        package var rank: Int
        /// Into `responseTargets`: one target for each of the response's counted tokens, in order.
        package var targets: Range<Int>

        /// A response of the dataset with its targets.
        package init(index: Int, rank: Int, targets: Range<Int>) {
            self.index = index
            self.rank = rank
            self.targets = targets
        }
    }

    /// Token ids, `[T]`.
    package internal(set) var tokens: [Int32] = []
    /// The depth of each token on its path, `[T]`.
    package internal(set) var positions: [Int32] = []
    /// Each after its parent.
    package internal(set) var nodes: [Node] = []
    /// Row indices whose hidden state predicts a counted token, ascending, `[L]`.
    package internal(set) var lossRows: [Int32] = []
    /// Ascending by hidden state; a state has one for each different token that follows it.
    package internal(set) var targets: [Target] = []
    package internal(set) var trees: [TreeSlice] = []
    package internal(set) var examples: [ExampleSlice] = []
    package internal(set) var responses: [ResponseSlice] = []
    /// Indices into `targets`, response by response; responses that begin alike share targets.
    package internal(set) var responseTargets: [Int32] = []

    /// An empty row.
    package init() {}

    /// A row of these trees.
    package init(_ trees: some Sequence<TokenTree>) {
        for tree in trees { append(tree) }
    }

    /// Appends a tree, all indices moved behind what is there.
    private mutating func append(_ tree: TokenTree) {
        let part = tree.row
        let (token, node, hidden, target) = (tokens.count, nodes.count, lossRows.count, targets.count)
        let (example, response, list) = (examples.count, responses.count, responseTargets.count)
        tokens += part.tokens
        positions += part.positions
        nodes += part.nodes.map {
            Node(parent: $0.parent < 0 ? -1 : $0.parent + node, tokens: $0.tokens.moved(by: token))
        }
        lossRows += part.lossRows.map { $0 + Int32(token) }
        targets += part.targets.map { Target(hidden: $0.hidden + Int32(hidden), token: $0.token) }
        responseTargets += part.responseTargets.map { $0 + Int32(target) }
        responses += part.responses.map {
            ResponseSlice(index: $0.index, rank: $0.rank, targets: $0.targets.moved(by: list))
        }
        examples += part.examples.map { ExampleSlice(row: $0.row, responses: $0.responses.moved(by: response)) }
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
    fileprivate func moved(by distance: Int) -> Range<Int> { lowerBound + distance..<upperBound + distance }
}
