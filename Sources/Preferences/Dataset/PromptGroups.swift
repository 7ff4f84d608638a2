/// Groups of examples whose prompts extend one another.
///
/// An example joins another if the other's prompt is a prefix of its own: the same prompt, or a later turn of the same
/// conversation. In one tree, the common prefix of such examples is computed once.
struct PromptGroups: Sendable {
    /// Each example once; within a group by prompt length, then by index.
    let groups: [[Int]]

    /// Each example in a group of its own.
    init(alone rows: [Int]) {
        groups = rows.map { [$0] }
    }

    /// The groups of these examples, in lexicographic order of their prompts' tokens.
    init(_ dataset: PreferenceDataset, rows: some Sequence<Int>) {
        // In lexicographic order the extensions of a prompt follow it without a gap.
        let sorted = rows.sorted { Self.precedes($0, $1, in: dataset) }
        var groups: [[Int]] = []
        for row in sorted {
            if let first = groups.last?.first, dataset.prompt(row).starts(with: dataset.prompt(first)) {
                groups[groups.count - 1].append(row)
            } else {
                groups.append([row])
            }
        }
        self.groups = groups
    }

    /// Whether a group has several examples.
    var joinsAny: Bool { groups.contains { $0.count > 1 } }

    private static func precedes(_ row: Int, _ other: Int, in dataset: PreferenceDataset) -> Bool {
        let (a, b) = (dataset.prompt(row), dataset.prompt(other))
        for (x, y) in zip(a, b) where x != y { return x < y }
        return (a.count, row) < (b.count, other)
    }
}

extension PreferenceDataset {
    /// The group number of each example; examples whose prompts extend one another have the same number, `[n]`.
    package var promptGroups: [Int] {
        var numbers = Array(repeating: 0, count: count)
        for (number, group) in PromptGroups(self, rows: 0..<count).groups.enumerated() {
            for row in group { numbers[row] = number }
        }
        return numbers
    }
}
