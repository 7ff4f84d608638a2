package import Preferences

/// Consecutive examples of a packed sequence whose loss gradients are requested together.
package struct HeadGroup: Sendable, Equatable {
    /// Into the packed sequence's `examples`.
    package private(set) var examples: Range<Int>
    /// All hidden states that predict tokens of these examples: ascending indices into `predictionPositions`.
    package private(set) var states: [Int32]

    /// The groups of a packed sequence, in the order of its examples.
    ///
    /// Consecutive trees whose states fit `size` together are one group. A larger tree is divided into groups of
    /// consecutive examples that fit, if that takes fewer products: a state that examples of several groups need, such
    /// as the last one of their common prompt, belongs to each of these groups.
    package static func groups(of row: PackedSequence, size: Int) -> [HeadGroup] {
        var groups: [HeadGroup] = []
        for tree in row.trees {
            let whole = HeadGroup(examples: tree.examples, states: tree.predictionPositions.map(Int32.init))
            if let last = groups.last, last.states.count + whole.states.count <= size {
                groups[groups.count - 1].examples = last.examples.lowerBound..<whole.examples.upperBound
                groups[groups.count - 1].states += whole.states
            } else {
                let parts = whole.states.count > size ? parts(of: tree.examples, in: row, size: size) : [whole]
                groups += productCount(parts, size: size) < productCount([whole], size: size) ? parts : [whole]
            }
        }
        return groups
    }

    /// Groups of as many consecutive examples as fit `size`; a larger example is a group of its own.
    private static func parts(of examples: Range<Int>, in row: PackedSequence, size: Int) -> [HeadGroup] {
        var parts: [(examples: Range<Int>, states: Set<Int32>)] = []
        for example in examples {
            let labels = row.responses[row.examples[example].responses].flatMap { row.responseLabels[$0.labels] }
            let states = Set(labels.map { row.labels[Int($0)].hidden })
            if let last = parts.last, last.states.count + states.subtracting(last.states).count <= size {
                parts[parts.count - 1].examples = last.examples.lowerBound..<example + 1
                parts[parts.count - 1].states.formUnion(states)
            } else {
                parts.append((example..<example + 1, states))
            }
        }
        return parts.map { HeadGroup(examples: $0.examples, states: $0.states.sorted()) }
    }

    /// The products of a state with the projection: one forward and two backward in each group, and one more for states
    /// over `size`, whose logits are recomputed.
    private static func productCount(_ groups: [HeadGroup], size: Int) -> Int {
        groups.reduce(0) { $0 + 3 * $1.states.count + max(0, $1.states.count - size) }
    }
}
