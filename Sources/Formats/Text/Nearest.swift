/// The candidate nearest to a misspelled word, or nil if none is near.
///
/// Near means a Levenshtein distance of at most the larger of 2 and a third of the word's length.
package func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    // No candidate is longer, and the time grows with the product of lengths.
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
