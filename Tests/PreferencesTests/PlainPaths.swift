internal import Preferences
internal import Testing

/// Compares each response of a packed sequence with its plain sequence: the tokens that its labels' positions see, their
/// positions, and the labels.
///
/// - Parameter skips: For each response the number of tokens that are not counted; nil for none.
/// - Returns: The number of labels compared.
func comparePaths(_ row: PackedSequence, with dataset: PreferenceDataset, skips: [Int32]? = nil) -> Int {
    let visible = visibleTokens(of: row)
    var compared = 0
    for example in row.examples {
        #expect(row.responses[example.responses].map(\.index) == Array(dataset.responses(of: example.index)))
        for response in row.responses[example.responses] {
            let prompt = Array(dataset.prompt(example.index))
            let tokens = Array(dataset.response(response.index))
            let labels = row.responseLabels[response.labels].map { row.labels[Int($0)] }
            let skipped = Int(skips?[response.index] ?? 0)
            #expect(labels.map(\.token) == Array(tokens.dropFirst(skipped)))
            var seen: [Int] = []
            for (count, label) in zip(skipped..., labels) {
                let predictor = Int(row.predictionPositions[Int(label.hidden)])
                let path = visible[predictor]
                #expect(path.map { row.tokens[$0] } == prompt + tokens.prefix(count))
                #expect(path.map { Int(row.positions[$0]) } == Array(0..<prompt.count + count))
                // All prediction positions of a response are on one path, each one token further.
                #expect(count == skipped || path == seen + [predictor])
                seen = path
                compared += 1
            }
            #expect(
                visible.contains { $0.dropLast() == seen[...] && row.tokens[$0.last!] == tokens.last },
                "the last token lies on the path too"
            )
        }
    }
    return compared
}

/// For each token the indices of the tokens that it attends to, in path order: the rule of `PackedSequence`, literally.
func visibleTokens(of row: PackedSequence) -> [[Int]] {
    var visible: [[Int]] = []
    for node in row.nodes {
        var path = node.parent < 0 ? [] : visible[row.nodes[node.parent].tokens.upperBound - 1]
        for token in node.tokens {
            path.append(token)
            visible.append(path)
        }
    }
    return visible
}

/// The work of a packed sequence, counted on its tokens.
///
/// - Parameter window: Of the layers whose attention has one; nil if none has.
func countedWork(_ row: PackedSequence, window: Int? = nil) -> Work {
    // A token at position `p` attends to `p` tokens and itself.
    func pairs(_ positions: [Int32], _ window: Int) -> Int { positions.reduce(0) { $0 + min(window, Int($1) + 1) } }
    let predicting = row.predictionPositions.map { row.positions[Int($0)] }
    return Work(
        tokens: row.tokens.count,
        visiblePairs: pairs(row.positions, .max),
        windowedPairs: window.map { pairs(row.positions, $0) } ?? 0,
        predictionPositions: predicting.count,
        predictionPairs: pairs(predicting, .max),
        windowedPredictionPairs: window.map { pairs(predicting, $0) } ?? 0
    )
}
