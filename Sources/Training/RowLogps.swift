internal import Collectives
internal import Preferences
internal import Transformer

/// The log-probabilities of the response tokens of some dataset rows, one row after the other.
struct RowLogps {
    let rows: [Int]
    /// In nats; 0 for tokens that are not counted, and for those of other ranks until `sum`.
    private(set) var tokens: [Float]
    private let dataset: PreferenceDataset
    /// For each response of the rows: what its tokens' places here exceed their places in the dataset by.
    private let shifts: [Int: Int]

    /// Zeros for `rows` of a dataset.
    init(_ dataset: PreferenceDataset, rows: [Int]) {
        self.init(dataset, rows: rows, tokens: Array(repeating: 0, count: dataset.tokenCount(of: rows)))
    }

    /// The tokens of `rows` as `tokens` has them, as many as `dataset.tokenCount(of:)` says.
    init(_ dataset: PreferenceDataset, rows: [Int], tokens: [Float]) {
        (self.rows, self.tokens, self.dataset) = (rows, tokens, dataset)
        var (shifts, start) = ([Int: Int](), 0)
        for row in rows {
            let range = dataset.tokenRange(of: row)
            for response in dataset.responses(of: row) { shifts[response] = start - range.lowerBound }
            start += range.count
        }
        precondition(start == tokens.count, "each token of the rows")
        self.shifts = shifts
    }

    /// Takes the scores of a packed row, whose responses are all of these rows.
    mutating func take(_ row: PackedRow, _ scores: RowScores) {
        for response in row.responses {
            guard let shift = shifts[response.index] else { preconditionFailure("a response of these rows") }
            let range = dataset.countedRange(response.index)
            let place = range.lowerBound + shift..<range.upperBound + shift
            tokens.replaceSubrange(place, with: scores.tokenLogps(of: response, in: row))
        }
    }

    /// Gives every rank all tokens: each was computed on one rank, and the others hold zero.
    mutating func sum(_ communicator: any Communicator) throws {
        var span = tokens.mutableSpan
        try communicator.allReduceSum(&span)
    }
}

extension PreferenceDataset {
    /// Where the tokens of a row's responses lie in `responseIDs`.
    func tokenRange(of row: Int) -> Range<Int> {
        let responses = responses(of: row)
        return responseOffsets[responses.lowerBound]..<responseOffsets[responses.upperBound]
    }

    /// The response tokens of some rows.
    func tokenCount(of rows: some Sequence<Int>) -> Int { rows.reduce(0) { $0 + tokenRange(of: $1).count } }
}
