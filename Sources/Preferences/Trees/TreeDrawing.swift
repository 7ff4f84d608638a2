/// Draws one tree of a packed row for the terminal.
///
/// The first line says what the tree holds; then follows one line for each node, below its parent, with its tokens,
/// their positions and the responses that it is computed once for. A response is marked `●` at the node that it ends
/// with; responses are numbered from 1, the best.
///
/// - Parameters:
///   - row: The row that holds the tree.
///   - tree: Index into the row's trees.
///   - width: Columns, at least 1; a longer line is cut and ends in `…`.
/// - Returns: Lines joined by newlines, without one at the end.
package func drawing(of row: PackedRow, tree: Int, width: Int) -> String {
    precondition(row.trees.indices.contains(tree), "the row has such a tree")
    precondition(width > 0, "there is a column to draw in")
    return TreePicture(row, tree).lines(width: width).joined(separator: "\n")
}

/// What the drawing says of each node; arrays are indexed by node, from the tree's first.
private struct TreePicture {
    /// A response and the node at whose end it ends.
    private struct Ending {
        let label: String
        let node: Int
        /// Tokens of its prompt and of itself.
        let length: Int
        let promptLength: Int
    }

    private let row: PackedRow
    private let tree: PackedRow.TreeSlice
    private var endings: [Ending] = []
    /// For each node, the responses on whose paths it lies.
    private var responseCounts: [Int]
    /// For each node, whether none of its parent's children follows it.
    private var isLast: [Bool]

    init(_ row: PackedRow, _ index: Int) {
        self.row = row
        tree = row.trees[index]
        responseCounts = Array(repeating: 0, count: tree.nodes.count)
        isLast = Array(repeating: false, count: tree.nodes.count)
        findEndings()
        countResponses()
        findLastChildren()
    }

    // MARK: What there is

    private mutating func findEndings() {
        var taken: Set<Int> = []
        for example in row.examples[tree.examples] {
            for (rank, response) in row.responses[example.responses].enumerated() {
                let targets = row.responseTargets[response.targets].map { row.targets[Int($0)] }
                guard let first = targets.first, let last = targets.last else { continue }
                let node = endNode(last, taken)
                taken.insert(node)
                let promptLength = Int(row.positions[Int(row.lossRows[Int(first.hidden)])]) + 1
                endings.append(
                    Ending(
                        label: label(rank, example),
                        node: node,
                        length: promptLength + targets.count,
                        promptLength: promptLength
                    )
                )
            }
        }
    }

    /// The node that ends with the token of a response's last target.
    ///
    /// That token follows its predictor in the same node, or is a whole child of it. Without a trie several children
    /// may be that same token: one branch for each of several equal responses.
    private func endNode(_ target: PackedRow.Target, _ taken: Set<Int>) -> Int {
        let predictor = Int(row.lossRows[Int(target.hidden)])
        let node = tree.nodes.first { row.nodes[$0].tokens.contains(predictor) }!
        if row.nodes[node].tokens.contains(predictor + 1) { return node }
        let candidates = tree.nodes.filter {
            let tokens = row.nodes[$0].tokens
            return row.nodes[$0].parent == node && tokens.count == 1 && row.tokens[tokens.lowerBound] == target.token
        }
        return candidates.first { !taken.contains($0) } ?? candidates[0]
    }

    private func label(_ rank: Int, _ example: PackedRow.ExampleSlice) -> String {
        let name = "response \(rank + 1)" + (rank == 0 ? " (best)" : "")
        return tree.examples.count == 1 ? name : "row \(example.row), \(name)"
    }

    /// Children lie behind their parents, so that one pass backwards carries every count to the root.
    private mutating func countResponses() {
        for ending in endings { responseCounts[ending.node - tree.nodes.lowerBound] += 1 }
        for node in tree.nodes.reversed() where row.nodes[node].parent >= 0 {
            let count = responseCounts[node - tree.nodes.lowerBound]
            responseCounts[row.nodes[node].parent - tree.nodes.lowerBound] += count
        }
    }

    private mutating func findLastChildren() {
        var parents: Set<Int> = []
        for node in tree.nodes.reversed() {
            isLast[node - tree.nodes.lowerBound] = parents.insert(row.nodes[node].parent).inserted
        }
    }

    // MARK: Lines

    func lines(width: Int) -> [String] {
        var lines = [Self.cut(title, width)]
        // What stands to the left of a node's children; no more of it than is drawn, however deep the tree.
        var margins: [String] = []
        for node in tree.nodes {
            let parent = row.nodes[node].parent
            let margin = parent < 0 ? "" : margins[parent - tree.nodes.lowerBound]
            let isLast = isLast[node - tree.nodes.lowerBound]
            lines.append(Self.cut(margin + (isLast ? "└─ " : "├─ ") + description(of: node), width))
            margins.append(String((margin + (isLast ? "   " : "│  ")).prefix(width)))
        }
        return lines
    }

    private var title: String {
        let examples = row.examples[tree.examples]
        let rows = examples.map { String($0.row) }.joined(separator: ", ")
        let prompts = Set(endings.map(\.promptLength)).sorted()
        let prompt = prompts.count == 1 ? " to a prompt of \(Self.counted(prompts[0], "token"))" : ""
        let unshared = endings.reduce(0) { $0 + $1.length }
        return "\(examples.count == 1 ? "row" : "rows") \(rows): \(Self.counted(endings.count, "response"))\(prompt); "
            + "\(Self.counted(tree.tokens.count, "token")) computed, \(unshared) without sharing"
    }

    private func description(of node: Int) -> String {
        let tokens = row.nodes[node].tokens
        let (first, last) = (row.positions[tokens.lowerBound], row.positions[tokens.upperBound - 1])
        let positions = first == last ? "position \(first)" : "positions \(first)–\(last)"
        let responses = responseCounts[node - tree.nodes.lowerBound]
        let sharing = responses > 1 ? ", once for \(responses) responses" : ""
        let marks = endings.filter { $0.node == node }.map { "  ● \($0.label)" }.joined()
        return "\(Self.counted(tokens.count, "token")), \(positions)\(sharing)\(marks)"
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    private static func cut(_ line: String, _ width: Int) -> String {
        line.count <= width ? line : line.prefix(width - 1) + "…"
    }
}
