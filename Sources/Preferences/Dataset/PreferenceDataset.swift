internal import Formats

/// Tokenized preference data: prompts, each with two or more responses, best first; responses may be tied.
package struct PreferenceDataset: Sendable {
    /// The tokens of all prompts, concatenated.
    package let promptIDs: [Int32]
    /// The start of each prompt in `promptIDs`, and the end; `[n + 1]`.
    package let promptOffsets: [Int]
    /// The tokens of all responses, concatenated.
    package let responseIDs: [Int32]
    /// The start of each response in `responseIDs`, and the end; `[m + 1]`.
    package let responseOffsets: [Int]
    /// The first response of each example, and the end; `[n + 1]`.
    package let exampleOffsets: [Int]
    /// The rank of each response within its example, `[m]`: ascending, 0 is best, equal numbers are ties; nil if there
    /// are no ties.
    package let responseRanks: [Int32]?
    /// The number of leading tokens of each response that are context only and not counted, `[m]`; nil if all count.
    package let responseSkips: [Int32]?
    /// The metadata that `espalier-prepare` wrote.
    package let metadata: [String: String]
    /// The names of further tensors in the file, such as weights of responses, which nothing reads; ascending.
    package internal(set) var unreadTensors: [String] = []
    /// SHA-256 over the arrays, in hexadecimal: identifies the data independent of its file.
    package let digest: String

    /// A dataset of these arrays, which are validated.
    ///
    /// - Parameters:
    ///   - responseRanks: Nil for responses that are ranked strictly, best first.
    ///   - responseSkips: Nil if all tokens count.
    /// - Throws: `DatasetError` if offsets, ranks or skips are inconsistent, or an example lacks a prompt, two
    ///   responses or a preference among them.
    package init(
        promptIDs: [Int32],
        promptOffsets: [Int],
        responseIDs: [Int32],
        responseOffsets: [Int],
        exampleOffsets: [Int],
        responseRanks: [Int32]? = nil,
        responseSkips: [Int32]? = nil,
        metadata: [String: String] = [:]
    ) throws {
        try Self.check("prompt_offsets", promptOffsets, end: promptIDs.count)
        try Self.check("response_offsets", responseOffsets, end: responseIDs.count)
        try Self.check("row_offsets", exampleOffsets, end: responseOffsets.count - 1)
        guard exampleOffsets.count == promptOffsets.count else {
            throw DatasetError(
                "row_offsets must have one entry more than there are prompts, \(promptOffsets.count), "
                    + "found \(exampleOffsets.count)" + Self.remedy
            )
        }
        guard promptOffsets.count > 1 else {
            throw DatasetError("the dataset is empty; prepare it again with espalier-prepare and check its counts")
        }
        for (name, values) in [("response_ranks", responseRanks), ("response_skips", responseSkips)] {
            try Self.check(name, values, responses: responseOffsets.count - 1)
        }
        self.promptIDs = promptIDs
        self.promptOffsets = promptOffsets
        self.responseIDs = responseIDs
        self.responseOffsets = responseOffsets
        self.exampleOffsets = exampleOffsets
        self.responseRanks = responseRanks
        self.responseSkips = responseSkips
        self.metadata = metadata
        var digest = Digest()
        digest.update(promptIDs)
        digest.update(responseIDs)
        for offsets in [promptOffsets, responseOffsets, exampleOffsets] { digest.update(offsets) }
        if let responseRanks { digest.update(responseRanks) }
        // As wide as offsets, so that skips never hash like ranks.
        if let responseSkips { digest.update(responseSkips.map { Int($0) }) }
        self.digest = digest.hexadecimal
        for row in 0..<count { try checkRow(row) }
    }

    /// The number of examples.
    package var count: Int { promptOffsets.count - 1 }
    /// The number of responses of all examples.
    package var responseCount: Int { responseOffsets.count - 1 }

    /// The prompt of an example.
    package func prompt(_ row: Int) -> ArraySlice<Int32> { promptIDs[promptOffsets[row]..<promptOffsets[row + 1]] }

    /// The indices of an example's responses, best first.
    package func responses(of row: Int) -> Range<Int> { exampleOffsets[row]..<exampleOffsets[row + 1] }

    /// The ranks of an example's responses, ascending from 0; a response is preferred to those of higher rank.
    package func ranks(of row: Int) -> [Int] {
        let responses = responses(of: row)
        return responseRanks.map { $0[responses].map(Int.init) } ?? Array(0..<responses.count)
    }

    /// The tokens of a response.
    package func response(_ index: Int) -> ArraySlice<Int32> { responseIDs[responseRange(index)] }

    /// The range of a response's tokens in `responseIDs`.
    package func responseRange(_ index: Int) -> Range<Int> { responseOffsets[index]..<responseOffsets[index + 1] }

    /// The range of a response's counted tokens in `responseIDs`.
    package func countedRange(_ index: Int) -> Range<Int> {
        let range = responseRange(index)
        return range.lowerBound + Int(responseSkips?[index] ?? 0)..<range.upperBound
    }

    /// The length of an example's longest sequence, prompt plus response.
    package func longestSequence(of row: Int) -> Int {
        prompt(row).count + (responses(of: row).map { responseRange($0).count }.max() ?? 0)
    }

    /// The length of the longest sequence of all examples.
    package var longestSequence: Int { (0..<count).map(longestSequence(of:)).max() ?? 0 }

    /// The tokens of an example without sharing, each response with its own copy of the prompt.
    package func unsharedTokens(of row: Int) -> Int {
        let responses = responses(of: row)
        return responses.count * prompt(row).count + responses.reduce(0) { $0 + responseRange($1).count }
    }
}

/// Prepared data is invalid.
package struct DatasetError: Error, CustomStringConvertible, Equatable {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
