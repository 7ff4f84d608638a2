extension PreferenceDataset {
    /// One example to build a dataset from.
    struct Example {
        let prompt: ArraySlice<Int32>
        /// Best first.
        let responses: [ArraySlice<Int32>]
    }

    /// A dataset of these examples, whose responses are ranked strictly.
    ///
    /// - Parameter responseSkips: One entry per response of all examples, in order; nil if all tokens count.
    init(_ rows: [Example], responseSkips: [Int32]? = nil) throws {
        func offsets(_ counts: [Int]) -> [Int] { counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) } }
        let responses = rows.flatMap(\.responses)
        try self.init(
            promptIDs: rows.flatMap(\.prompt),
            promptOffsets: offsets(rows.map(\.prompt.count)),
            responseIDs: responses.flatMap(\.self),
            responseOffsets: offsets(responses.map(\.count)),
            exampleOffsets: offsets(rows.map(\.responses.count)),
            responseSkips: responseSkips
        )
    }
}
