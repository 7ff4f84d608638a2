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
    /// What `espalier-prepare` noted.
    package let metadata: [String: String]
    /// SHA-256 over the arrays, in hexadecimal: what the data is, whatever file it came from.
    package let digest: String

    /// A dataset of these arrays.
    ///
    /// - Parameter responseRanks: Nil for responses that are ranked strictly, best first.
    /// - Throws: `DatasetError` where offsets or ranks do not fit, or a row lacks a prompt, two responses or a preference
    ///   among them.
    package init(
        promptIDs: [Int32],
        promptOffsets: [Int],
        responseIDs: [Int32],
        responseOffsets: [Int],
        rowOffsets: [Int],
        responseRanks: [Int32]? = nil,
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
        if let ranks = responseRanks, ranks.count != responseOffsets.count - 1 {
            throw DatasetError(
                "response_ranks must have one entry for each response, \(responseOffsets.count - 1), "
                    + "found \(ranks.count)" + Self.remedy
            )
        }
        self.promptIDs = promptIDs
        self.promptOffsets = promptOffsets
        self.responseIDs = responseIDs
        self.responseOffsets = responseOffsets
        self.rowOffsets = rowOffsets
        self.responseRanks = responseRanks
        self.metadata = metadata
        var digest = Digest()
        digest.update(promptIDs)
        digest.update(responseIDs)
        for offsets in [promptOffsets, responseOffsets, rowOffsets] { digest.update(offsets) }
        if let responseRanks { digest.update(responseRanks) }
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

    /// Checks that every token id is below the vocabulary's size.
    package func validate(vocabularySize: Int) throws {
        for row in 0..<count {
            let responses = responseOffsets[rowOffsets[row]]..<responseOffsets[rowOffsets[row + 1]]
            for ids in [prompt(row), responseIDs[responses]] {
                guard let id = ids.first(where: { $0 < 0 || $0 >= vocabularySize }) else { continue }
                throw DatasetError(
                    "row \(row): token id \(id) lies outside the model's vocabulary of \(vocabularySize); "
                        + "prepare the data with this model's tokenizer"
                )
            }
        }
    }

    /// Checks that the data was prepared with the tokenizer of this digest.
    package func validate(tokenizerDigest: String) throws {
        guard let prepared = metadata["tokenizer_digest"], prepared != tokenizerDigest else { return }
        throw DatasetError(
            "prepared with another tokenizer (digest \(prepared.prefix(12))…, the model's is \(tokenizerDigest.prefix(12))…); "
                + "run espalier-prepare with this model"
        )
    }

    private static let remedy = "; prepare the data again with espalier-prepare"

    private static func check(_ name: String, _ offsets: [Int], end: Int) throws {
        let found: String
        if offsets.isEmpty {
            found = "no entry"
        } else if offsets[0] != 0 {
            found = "\(offsets[0]) at the start"
        } else if let index = offsets.indices.dropFirst().first(where: { offsets[$0] < offsets[$0 - 1] }) {
            found = "\(offsets[index]) after \(offsets[index - 1]) at entry \(index)"
        } else if offsets[offsets.count - 1] != end {
            found = "\(offsets[offsets.count - 1]) at the end"
        } else {
            return
        }
        throw DatasetError("\(name) must ascend from 0 to \(end), found \(found)" + remedy)
    }

    private func checkRow(_ row: Int) throws {
        guard !prompt(row).isEmpty else { throw DatasetError("row \(row) has an empty prompt" + Self.remedy) }
        let responses = responses(of: row)
        guard responses.count >= 2 else {
            let found = responses.isEmpty ? "no response" : "one response"
            throw DatasetError("row \(row) has \(found), a preference needs two or more" + Self.remedy)
        }
        if let empty = responses.first(where: { responseRange($0).isEmpty }) {
            let place = "response \(empty - responses.lowerBound + 1) of \(responses.count)"
            throw DatasetError("row \(row): \(place) is empty" + Self.remedy)
        }
        try checkRanks(of: row)
    }

    private func checkRanks(of row: Int) throws {
        let ranks = ranks(of: row)
        guard ranks[0] == 0, zip(ranks, ranks.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw DatasetError("row \(row): ranks must ascend from 0, found \(ranks)" + Self.remedy)
        }
        guard ranks[ranks.count - 1] > 0 else {
            throw DatasetError(
                "row \(row): all \(ranks.count) responses have the same rank, so none is preferred" + Self.remedy
            )
        }
    }
}

/// Prepared data is not what it should be.
package struct DatasetError: Error, CustomStringConvertible, Equatable {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
