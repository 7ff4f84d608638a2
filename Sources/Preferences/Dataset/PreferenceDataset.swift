internal import Formats

/// Prepared preference data: prompts as token ids, each with two or more responses, best first; some may be tied.
package struct PreferenceDataset: Sendable {
    /// All prompts' tokens, one after the other.
    package let promptIDs: [Int32]
    /// Where each prompt starts, and the end; `[n + 1]`.
    package let promptOffsets: [Int]
    /// All responses' tokens, one after the other.
    package let responseIDs: [Int32]
    /// Where each response starts, and the end; `[m + 1]`.
    package let responseOffsets: [Int]
    /// Each row's first response, and the end; `[n + 1]`.
    package let rowOffsets: [Int]
    /// Each response's rank within its row, `[m]`: 0 is best, equal numbers are ties, ascending; nil where no two
    /// responses of a row are tied.
    package let responseRanks: [Int32]?
    /// How many leading tokens of each response are context alone and not counted, `[m]`; nil where all tokens count.
    package let responseSkips: [Int32]?
    /// What `espalier-prepare` noted.
    package let metadata: [String: String]
    /// SHA-256 over the arrays, in hexadecimal: what the data is, whatever file it came from.
    package let digest: String

    /// A dataset of these arrays.
    ///
    /// - Parameters:
    ///   - responseRanks: Nil for responses that are ranked strictly, best first.
    ///   - responseSkips: Nil for responses that count whole.
    /// - Throws: `DatasetError` where offsets, ranks or skips do not fit, or a row lacks a prompt, two responses or a
    ///   preference among them.
    package init(
        promptIDs: [Int32],
        promptOffsets: [Int],
        responseIDs: [Int32],
        responseOffsets: [Int],
        rowOffsets: [Int],
        responseRanks: [Int32]? = nil,
        responseSkips: [Int32]? = nil,
        metadata: [String: String] = [:]
    ) throws {
        try Self.check("prompt_offsets", promptOffsets, end: promptIDs.count)
        try Self.check("response_offsets", responseOffsets, end: responseIDs.count)
        try Self.check("row_offsets", rowOffsets, end: responseOffsets.count - 1)
        guard rowOffsets.count == promptOffsets.count else {
            throw DatasetError(
                "row_offsets must have one entry more than there are prompts, \(promptOffsets.count), "
                    + "found \(rowOffsets.count)" + Self.remedy
            )
        }
        guard promptOffsets.count > 1 else {
            throw DatasetError("the dataset is empty; prepare it again with espalier-prepare and read its counts")
        }
        for (name, values) in [("response_ranks", responseRanks), ("response_skips", responseSkips)] {
            try Self.check(name, values, responses: responseOffsets.count - 1)
        }
        self.promptIDs = promptIDs
        self.promptOffsets = promptOffsets
        self.responseIDs = responseIDs
        self.responseOffsets = responseOffsets
        self.rowOffsets = rowOffsets
        self.responseRanks = responseRanks
        self.responseSkips = responseSkips
        self.metadata = metadata
        var digest = Digest()
        digest.update(promptIDs)
        digest.update(responseIDs)
        for offsets in [promptOffsets, responseOffsets, rowOffsets] { digest.update(offsets) }
        if let responseRanks { digest.update(responseRanks) }
        // As wide as offsets, so that skips are never taken for ranks.
        if let responseSkips { digest.update(responseSkips.map { Int($0) }) }
        self.digest = digest.hexadecimal
        for row in 0..<count { try checkRow(row) }
    }

    /// The number of rows.
    package var count: Int { promptOffsets.count - 1 }
    /// The number of responses of all rows.
    package var responseCount: Int { responseOffsets.count - 1 }

    /// A row's prompt.
    package func prompt(_ row: Int) -> ArraySlice<Int32> { promptIDs[promptOffsets[row]..<promptOffsets[row + 1]] }

    /// The indices of a row's responses, best first.
    package func responses(of row: Int) -> Range<Int> { rowOffsets[row]..<rowOffsets[row + 1] }

    /// The ranks of a row's responses, ascending from 0; only a lower rank is preferred to a higher one.
    package func ranks(of row: Int) -> [Int] {
        let responses = responses(of: row)
        return responseRanks.map { $0[responses].map(Int.init) } ?? Array(0..<responses.count)
    }

    /// A response's tokens.
    package func response(_ index: Int) -> ArraySlice<Int32> { responseIDs[responseRange(index)] }

    /// Where a response's tokens lie among all responses' tokens.
    package func responseRange(_ index: Int) -> Range<Int> { responseOffsets[index]..<responseOffsets[index + 1] }

    /// Where a response's counted tokens lie among all responses' tokens.
    package func countedRange(_ index: Int) -> Range<Int> {
        let range = responseRange(index)
        return range.lowerBound + Int(responseSkips?[index] ?? 0)..<range.upperBound
    }

    /// The tokens of a row's longest sequence, prompt and response together.
    package func longestSequence(of row: Int) -> Int {
        prompt(row).count + (responses(of: row).map { responseRange($0).count }.max() ?? 0)
    }

    /// The tokens of the longest sequence of all.
    package var longestSequence: Int { (0..<count).map(longestSequence(of:)).max() ?? 0 }

    /// The tokens of a row when each response is computed with a prompt of its own.
    package func unsharedTokens(of row: Int) -> Int {
        let responses = responses(of: row)
        return responses.count * prompt(row).count + responses.reduce(0) { $0 + responseRange($1).count }
    }
}

/// Prepared data is not what it should be.
package struct DatasetError: Error, CustomStringConvertible, Equatable {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
