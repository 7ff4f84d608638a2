/// The candidate nearest to a misspelt word, or nil where none is near.
///
/// Near means an edit distance (Levenshtein) of at most a third of the word's length, and at least 2.
package func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    // No word of anybody's choice is longer, and the time grows with the product of lengths.
    guard word.utf8.count <= 200 else { return nil }
    let limit = max(2, word.count / 3)
    let best = candidates.filter { abs($0.count - word.count) <= limit }.map {
        (distance: editDistance($0, word), candidate: $0)
    }.min { $0.distance < $1.distance }
    return best.flatMap { $0.distance <= limit ? $0.candidate : nil }
}

private func editDistance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var previous = Array(0...b.count)
    for (i, left) in a.enumerated() {
        var current = [i + 1]
        for (j, right) in b.enumerated() {
            current.append(min(previous[j] + (left == right ? 0 : 1), previous[j + 1] + 1, current[j] + 1))
        }
        previous = current
    }
    return previous[b.count]
}
