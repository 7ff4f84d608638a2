/// Packs trees into sequences of limited length, such that trees with a common prefix, their stem, share a sequence.
///
/// Trees are packed from the longest stems to the shortest: the trees of a stem fill sequences, first fit by descending
/// tokens, in which the stem counts once; the results are packed in the same way with those of the next shorter stem;
/// and at last with trees that share nothing. Without common prefixes this is first fit descending, whose sequences are
/// kept where the former are more.
struct TreePacking: Sendable {
    /// The trees in lexicographic order of their stems, so that those with a common prefix are consecutive.
    let trees: [TokenTree]
    /// The maximum number of tokens in a sequence; a larger tree gets one of its own.
    let limit: Int
    /// Of the layers whose attention has one; nil if none has.
    let window: Int?
    /// The minimum length of a stem beyond a shorter one; nil if trees share nothing.
    let shortestStem: Int?

    /// Packs these trees, in any order.
    init(_ trees: [TokenTree], limit: Int, window: Int?, shortestStem: Int?) {
        self.trees = shortestStem == nil ? trees : trees.sorted(by: Self.precedes)
        (self.limit, self.window, self.shortestStem) = (limit, window, shortestStem)
    }

    private static func precedes(_ tree: TokenTree, _ other: TokenTree) -> Bool {
        let (a, b) = (tree.stem, other.stem)
        for (x, y) in zip(a, b) where x != y { return x < y }
        return (a.count, tree.firstExample) < (b.count, other.firstExample)
    }

    /// The packed sequences of some trees, at most as many as without stems.
    ///
    /// - Parameter indices: Of `trees`, ascending.
    func sequences(of indices: [Int]) -> [PackedTrees] {
        let single = firstFit(indices.map { PackedTrees(trees[$0], index: $0) }, stem: 0, limit)
        guard shortestStem != nil else { return single }
        let joined = firstFit(pieces(of: indices, limit: limit), stem: 0, limit)
        guard joined.count > single.count else { return joined }
        return single.flatMap { firstFit(pieces(of: $0.indices.sorted(), limit: .max), stem: 0, .max) }
    }

    /// Trees packed with those that share a stem only.
    ///
    /// - Parameters:
    ///   - indices: Of `trees`, ascending.
    ///   - limit: The maximum number of tokens in a piece of several trees.
    func pieces(of indices: [Int], limit: Int) -> [PackedTrees] {
        var stems = stems(of: indices)
        for index in stems.indices.dropFirst().reversed() {
            let packed = firstFit(stems[index].parts, stem: stems[index].length, limit)
            stems[stems[index].parent].parts += packed
        }
        return stems[0].parts
    }

    /// For each tree the length of the longest stem that it shares with another one; 0 without one.
    var sharedLengths: [Int] {
        var lengths = Array(repeating: 0, count: trees.count)
        for stem in stems(of: Array(trees.indices)) {
            for index in stem.parts.flatMap(\.indices) { lengths[index] = stem.length }
        }
        return lengths
    }

    // MARK: Stems

    /// A common prefix of some trees.
    private struct Stem {
        let length: Int
        /// The trees, as a range of `indices`.
        let trees: Range<Int>
        /// The index of the next shorter stem, which is a prefix of this one.
        let parent: Int
        /// The trees that share no longer stem; later also the packed trees of longer stems.
        var parts: [PackedTrees] = []
    }

    /// The stems of some trees, each after its parent; the first one is empty and has all trees.
    private func stems(of indices: [Int]) -> [Stem] {
        let common = commonLengths(of: indices)
        var stems = [Stem(length: 0, trees: indices.indices, parent: 0)]
        var next = 0
        while next < stems.count {
            let (range, least) = (stems[next].trees, shortestStem.map { stems[next].length + $0 } ?? Int.max)
            var start = range.lowerBound
            while start < range.upperBound {
                // The trees that have at least this many tokens in common.
                let end = common[start..<range.upperBound].dropFirst().firstIndex { $0 < least } ?? range.upperBound
                if let length = common[start..<end].dropFirst().min() {
                    stems.append(Stem(length: length, trees: start..<end, parent: next))
                } else {
                    stems[next].parts.append(PackedTrees(trees[indices[start]], index: indices[start]))
                }
                start = end
            }
            next += 1
        }
        return stems
    }

    /// For each tree the number of tokens that its stem has in common with that of the tree before it.
    private func commonLengths(of indices: [Int]) -> [Int] {
        guard shortestStem != nil else { return Array(repeating: 0, count: indices.count) }
        let stems = indices.map { trees[$0].stem }
        return stems.indices.map { index in
            index == 0 ? 0 : zip(stems[index - 1], stems[index]).prefix { $0 == $1 }.count
        }
    }

    // MARK: Packing

    /// First fit, descending by tokens, of parts that have a stem in common.
    private func firstFit(_ parts: [PackedTrees], stem: Int, _ limit: Int) -> [PackedTrees] {
        var bins: [(parts: [PackedTrees], tokens: Int)] = []
        for part in parts.sorted(by: { (-$0.tokens, $0.firstExample) < (-$1.tokens, $1.firstExample) }) {
            let added = part.tokens - stem
            if let bin = bins.firstIndex(where: { $0.tokens + added <= limit }) {
                bins[bin].parts.append(part)
                bins[bin].tokens += added
            } else {
                bins.append(([part], part.tokens))
            }
        }
        return bins.map { $0.parts.count == 1 ? $0.parts[0] : PackedTrees($0.parts, stem: stem, window: window) }
    }
}
