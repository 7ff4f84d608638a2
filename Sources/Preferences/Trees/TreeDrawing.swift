/// Draws one tree of a packed sequence for the terminal, without prefixes that it shares with other trees.
///
/// The first line summarizes the tree; then follows one line for each node, below its parent, with its number of
/// tokens, their positions and the number of responses that share it. A response is marked `●` at the node at which it
/// ends; responses are numbered from 1, the best.
///
/// - Parameters:
///   - row: The packed sequence that contains the tree.
///   - tree: Index into the sequence's trees.
///   - width: Columns, at least 1; a longer line is truncated and ends in `…`.
/// - Returns: Lines joined by newlines, without a trailing newline.
package func drawing(of row: PackedSequence, tree: Int, width: Int) -> String {
    precondition(row.trees.indices.contains(tree), "an index of a tree")
    precondition(width > 0, "at least one column")
    return TreePicture(row, tree).lines(width: width).joined(separator: "\n")
}

/// The layout of the drawing; arrays are indexed by node, relative to the first node of the tree.
private struct TreePicture {
    /// A response and the node at which it ends.
    private struct Ending {
        let label: String
        let node: Int
        /// Tokens of prompt plus response.
        let length: Int
        let promptLength: Int
    }

    private let row: PackedSequence
    private let tree: PackedSequence.TreeSlice
    private var endings: [Ending] = []
    /// The number of responses whose paths contain each node.
    private var responseCounts: [Int]
    /// Whether each node is the last child of its parent.
    private var isLast: [Bool]

    init(_ row: PackedSequence, _ index: Int) {
        self.row = row
        tree = row.trees[index]
        responseCounts = Array(repeating: 0, count: tree.nodes.count)
        isLast = Array(repeating: false, count: tree.nodes.count)
        findEndings()
        countResponses()
        findLastChildren()
    }

    // MARK: Contents

    private mutating func findEndings() {
        var taken: Set<Int> = []
        for example in row.examples[tree.examples] {
            for (rank, response) in row.responses[example.responses].enumerated() {
                let labels = row.responseLabels[response.labels].map { row.labels[Int($0)] }
                guard let first = labels.first, let last = labels.last else { continue }
                let node = endNode(last, taken)
                taken.insert(node)
                let promptLength = Int(row.positions[Int(row.predictionPositions[Int(first.hidden)])]) + 1
                endings.append(
                    Ending(
                        label: label(rank, example),
                        node: node,
                        length: promptLength + labels.count,
                        promptLength: promptLength
                    )
                )
            }
        }
    }

    /// The node that ends with the token of a response's last label.
    ///
    /// That token follows its prediction position in the same node, or is a child node of one token. Without a trie,
    /// several children may consist of the same token: one branch for each of several equal responses.
    private func endNode(_ label: PackedSequence.Label, _ taken: Set<Int>) -> Int {
        let predictor = Int(row.predictionPositions[Int(label.hidden)])
        let node = tree.nodes.first { row.nodes[$0].tokens.contains(predictor) }!
        if row.nodes[node].tokens.contains(predictor + 1) { return node }
        let candidates = tree.nodes.filter {
            let tokens = row.nodes[$0].tokens
            return row.nodes[$0].parent == node && tokens.count == 1 && row.tokens[tokens.lowerBound] == label.token
        }
        return candidates.first { !taken.contains($0) } ?? candidates[0]
    }

    private func label(_ rank: Int, _ example: PackedSequence.ExampleSlice) -> String {
        let name = "response \(rank + 1)" + (rank == 0 ? " (best)" : "")
        return tree.examples.count == 1 ? name : "example \(example.index), \(name)"
    }

    /// Children come after their parents, so one reverse pass propagates every count to the root.
    private mutating func countResponses() {
        for ending in endings { responseCounts[ending.node - tree.nodes.lowerBound] += 1 }
        for node in tree.nodes.reversed() where tree.nodes.contains(row.nodes[node].parent) {
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
        var lines = [Self.truncated(title, width)]
        // The text left of a node's children, truncated to the width, however deep the tree.
        var margins: [String] = []
        for node in tree.nodes {
            let parent = row.nodes[node].parent
            let margin = tree.nodes.contains(parent) ? margins[parent - tree.nodes.lowerBound] : ""
            let isLast = isLast[node - tree.nodes.lowerBound]
            lines.append(Self.truncated(margin + (isLast ? "└─ " : "├─ ") + description(of: node), width))
            margins.append(String((margin + (isLast ? "   " : "│  ")).prefix(width)))
        }
        return lines
    }

    private var title: String {
        let examples = row.examples[tree.examples]
        let rows = examples.map { String($0.index) }.joined(separator: ", ")
        let prompts = Set(endings.map(\.promptLength)).sorted()
        let prompt = prompts.count == 1 ? " to a prompt of \(Self.counted(prompts[0], "token"))" : ""
        let unshared = endings.reduce(0) { $0 + $1.length }
        return "\(examples.count == 1 ? "example" : "examples") \(rows): "
            + "\(Self.counted(endings.count, "response"))\(prompt); "
            + "\(Self.counted(tree.tokens.count, "token")) computed, \(unshared) without sharing"
    }

    private func description(of node: Int) -> String {
        let tokens = row.nodes[node].tokens
        let (first, last) = (row.positions[tokens.lowerBound], row.positions[tokens.upperBound - 1])
        let positions = first == last ? "position \(first)" : "positions \(first)–\(last)"
        let responses = responseCounts[node - tree.nodes.lowerBound]
        let sharing = responses > 1 ? ", shared by \(responses) responses" : ""
        let marks = endings.filter { $0.node == node }.map { "  ● \($0.label)" }.joined()
        return "\(Self.counted(tokens.count, "token")), \(positions)\(sharing)\(marks)"
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    private static func truncated(_ line: String, _ width: Int) -> String {
        line.count <= width ? line : line.prefix(width - 1) + "…"
    }
}
