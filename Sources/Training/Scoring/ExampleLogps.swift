internal import Collectives
internal import Configuration
package import Preferences
internal import Transformer

/// The log-probabilities of the response tokens of some examples, in their order.
package struct ExampleLogps {
    /// Numbers of examples in the dataset.
    package let rows: [Int]
    /// In nats; 0 for uncounted tokens, and until `sum` for those that other ranks compute.
    package private(set) var tokens: [Float]
    private let dataset: PreferenceDataset
    /// For each response of the examples: the offset of its tokens here minus their offset in the dataset.
    private let shifts: [Int: Int]

    /// Zeros for `rows` of a dataset.
    init(_ dataset: PreferenceDataset, rows: [Int]) {
        self.init(dataset, rows: rows, tokens: Array(repeating: 0, count: dataset.tokenCount(of: rows)))
    }

    /// The log-probabilities `tokens` of `rows`, `dataset.tokenCount(of: rows)` values.
    package init(_ dataset: PreferenceDataset, rows: [Int], tokens: [Float]) {
        (self.rows, self.tokens, self.dataset) = (rows, tokens, dataset)
        var (shifts, start) = ([Int: Int](), 0)
        for row in rows {
            let range = dataset.tokenRange(of: row)
            for response in dataset.responses(of: row) { shifts[response] = start - range.lowerBound }
            start += range.count
        }
        precondition(start == tokens.count, "one value for each token of the examples")
        self.shifts = shifts
    }

    /// Stores the scores of a packed sequence, whose responses all belong to these examples.
    mutating func add(_ row: PackedSequence, scores: SequenceScores) {
        for response in row.responses {
            guard let shift = shifts[response.index] else { preconditionFailure("a response of these examples") }
            let range = dataset.countedRange(response.index)
            let place = range.lowerBound + shift..<range.upperBound + shift
            tokens.replaceSubrange(place, with: scores.tokenLogps(of: response, in: row))
        }
    }

    /// Sums the values over ranks, each of which one rank computed; collective.
    ///
    /// - Throws: `RankFailure` on every rank if any of them is not finite.
    ///
    /// - Parameter name: The name of the data in errors.
    mutating func sum(_ communicator: any Communicator, of name: String) throws {
        var span = tokens.mutableSpan
        try communicator.allReduceSum(&span)
        var start = 0
        try Self.requireFinite(rows, of: name) { row in
            defer { start += dataset.tokenRange(of: row).count }
            return tokens[start..<start + dataset.tokenRange(of: row).count]
        }
    }

    /// Refuses log-probabilities that are not finite, of which every rank has the same.
    static func requireFinite(_ rows: [Int], of name: String, _ tokens: (_ row: Int) -> ArraySlice<Float>) throws {
        let faulty = rows.filter { row in tokens(row).contains { !$0.isFinite } }
        guard !faulty.isEmpty else { return }
        throw RankFailure(rank: 0, error: TrainingError.scoresNotFinite(rows: faulty, data: name))
    }
}

extension PreferenceDataset {
    /// The range of an example's responses in `responseIDs`.
    func tokenRange(of row: Int) -> Range<Int> {
        let responses = responses(of: row)
        return responseOffsets[responses.lowerBound]..<responseOffsets[responses.upperBound]
    }

    /// The number of response tokens of some examples.
    func tokenCount(of rows: some Sequence<Int>) -> Int { rows.reduce(0) { $0 + tokenRange(of: $1).count } }
}
