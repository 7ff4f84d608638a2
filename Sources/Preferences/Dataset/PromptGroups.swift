/// Rows of a dataset whose prompts continue one another, brought together.
///
/// A row joins another where its prompt begins with the whole of the other's: the same prompt, or a later turn of the
/// same conversation. What such rows have in common is computed once where they are in one tree.
struct PromptGroups: Sendable {
    /// Each row once; within a group the shorter prompt first, and equal ones in order of the dataset.
    let groups: [[Int]]

    /// Each row alone.
    init(alone rows: [Int]) {
        groups = rows.map { [$0] }
    }

    /// The groups of these rows, in order of their prompts' tokens.
    init(_ dataset: PreferenceDataset, rows: some Sequence<Int>) {
        // In lexicographic order all prompts that begin with one follow it without a gap.
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

    /// Whether some rows have come together.
    var joinsAny: Bool { groups.contains { $0.count > 1 } }

    private static func precedes(_ row: Int, _ other: Int, in dataset: PreferenceDataset) -> Bool {
        let (a, b) = (dataset.prompt(row), dataset.prompt(other))
        for (x, y) in zip(a, b) where x != y { return x < y }
        return (a.count, row) < (b.count, other)
    }
}

extension PreferenceDataset {
    /// For each row a number that it has in common with the rows whose prompts continue each other, `[n]`.
    package var promptGroups: [Int] {
        var numbers = Array(repeating: 0, count: count)
        for (number, group) in PromptGroups(self, rows: 0..<count).groups.enumerated() {
            for row in group { numbers[row] = number }
        }
        return numbers
    }
}
