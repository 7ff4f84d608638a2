/// Trees of one packed sequence, before they are flattened: a single tree, or parts with a common prefix, their stem,
/// which is computed once.
struct PackedTrees: Sendable {
    enum Content: Sendable {
        /// A tree, and its index among the trees that are packed.
        case tree(TokenTree, index: Int)
        /// Parts whose trees all begin with the same `stem` tokens; 0 if they share nothing.
        case parts([PackedTrees], stem: Int)
    }

    let content: Content
    /// The amount of computation.
    let work: Work
    /// The lowest first example of a tree.
    let firstExample: Int

    /// The number of tokens.
    var tokens: Int { work.tokens }

    /// A single tree.
    init(_ tree: TokenTree, index: Int) {
        content = .tree(tree, index: index)
        work = tree.work
        firstExample = tree.firstExample
    }

    /// Parts with a common stem: all but one lose its tokens.
    ///
    /// - Parameter window: Of the layers whose attention has one; nil if none has.
    init(_ parts: [PackedTrees], stem: Int, window: Int?) {
        precondition(!parts.isEmpty, "at least one part")
        content = .parts(parts, stem: stem)
        let all = parts.reduce(.zero) { $0 + $1.work }
        work = all - Work(ofChain: stem, window: window) * (parts.count - 1)
        firstExample = parts.reduce(Int.max) { min($0, $1.firstExample) }
    }

    /// A tree of the first part.
    var firstTree: TokenTree {
        var trees = self
        while true {
            switch trees.content {
            case .tree(let tree, _): return tree
            case .parts(let parts, _): trees = parts[0]
            }
        }
    }

    /// The indices of all trees.
    var indices: [Int] {
        var (found, stack) = ([Int](), [self])
        while let trees = stack.popLast() {
            switch trees.content {
            case .tree(_, let index): found.append(index)
            case .parts(let parts, _): stack += parts
            }
        }
        return found
    }
}
