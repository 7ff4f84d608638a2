internal import Preferences
internal import Testing

struct PreferenceDatasetTests {
    private let rows = [
        PreferenceExample([10, 11, 12], [[1, 2], [3]]),
        PreferenceExample([13], [[4], [5, 6, 7], [8, 9]]),
    ]

    /// The error of a dataset with these arrays; arrays left out are those of one valid example.
    private func refusal(
        promptIDs: [Int32] = [1, 2],
        promptOffsets: [Int] = [0, 2],
        responseIDs: [Int32] = [3, 4, 5],
        responseOffsets: [Int] = [0, 1, 3],
        exampleOffsets: [Int] = [0, 2],
        responseRanks: [Int32]? = nil,
        responseSkips: [Int32]? = nil
    ) -> String? {
        let error = #expect(throws: DatasetError.self) {
            try PreferenceDataset(
                promptIDs: promptIDs,
                promptOffsets: promptOffsets,
                responseIDs: responseIDs,
                responseOffsets: responseOffsets,
                exampleOffsets: exampleOffsets,
                responseRanks: responseRanks,
                responseSkips: responseSkips
            )
        }
        return error?.description
    }

    @Test("examples, prompts and responses are returned as given")
    func lookups() throws {
        let dataset = try PreferenceDataset(rows)
        #expect(dataset.count == 2 && dataset.responseCount == 5)
        for (index, row) in rows.enumerated() {
            #expect(Array(dataset.prompt(index)) == row.prompt)
            #expect(dataset.responses(of: index).map { Array(dataset.response($0)) } == row.responses)
        }
        #expect(dataset.responseRange(3) == 4..<7)
    }

    @Test("lengths are those of whole sequences")
    func lengths() throws {
        let dataset = try PreferenceDataset(rows)
        #expect([0, 1].map(dataset.longestSequence(of:)) == [5, 4])
        #expect(dataset.longestSequence == 5)
        #expect([0, 1].map(dataset.unsharedTokens(of:)) == [3 + 2 + 3 + 1, 1 + 1 + 1 + 3 + 1 + 2])
    }

    @Test("the digest is that of the data, not of the metadata")
    func digest() throws {
        let digest = try PreferenceDataset(rows).digest
        #expect(digest.count == 64)
        #expect(try PreferenceDataset(rows, metadata: ["max_length": "7"]).digest == digest)
        var others = [rows, rows, rows, rows, Array(rows.reversed())]
        others[0][0].prompt[2] = 99
        others[1][1].responses[1][0] = 99
        others[2][1].responses.swapAt(0, 1)
        // The same tokens, split elsewhere.
        others[3][0].responses = [[1], [2, 3]]
        let digests = try others.map { try PreferenceDataset($0).digest }
        #expect(Set(digests + [digest]).count == 6)
    }

    @Test("ranks are those given, else ascending; they change the digest")
    func ranks() throws {
        let strict = try PreferenceDataset(rows)
        #expect([0, 1].map(strict.ranks(of:)) == [[0, 1], [0, 1, 2]] && strict.responseRanks == nil)
        let tied = try PreferenceDataset(rows, ranks: [0, 1, 0, 0, 1])
        #expect([0, 1].map(tied.ranks(of:)) == [[0, 1], [0, 0, 1]])
        let other = try PreferenceDataset(rows, ranks: [0, 1, 0, 1, 1])
        #expect(Set([strict.digest, tied.digest, other.digest]).count == 3)
    }

    @Test("ranks that do not ascend from 0 or prefer no response are refused, with the example")
    func unfitRanks() {
        let remedy = "; prepare the data again with espalier-prepare"
        #expect(
            refusal(responseRanks: [0]) == "response_ranks must have one entry per response, 2, found 1" + remedy
        )
        for ranks: [Int32] in [[1, 2], [0, -1], [-1, 0]] {
            #expect(refusal(responseRanks: ranks) == "example 0: ranks must ascend from 0, found \(ranks)" + remedy)
        }
        #expect(
            refusal(responseRanks: [0, 0])
                == "example 0: all 2 responses have the same rank, so none is preferred" + remedy
        )
    }

    @Test("all tokens of a response count except skipped ones; skips change the digest")
    func skips() throws {
        let whole = try PreferenceDataset(rows)
        #expect((0..<5).allSatisfy { whole.countedRange($0) == whole.responseRange($0) })
        let skips: [Int32] = [1, 0, 0, 2, 1]
        let skipping = try PreferenceDataset(rows, skips: skips)
        #expect((0..<5).map(skipping.countedRange) == [1..<2, 2..<3, 3..<4, 6..<7, 8..<9])
        #expect(skipping.longestSequence == whole.longestSequence)
        #expect([0, 1].map(skipping.unsharedTokens(of:)) == [0, 1].map(whole.unsharedTokens(of:)))
        let ranked = try PreferenceDataset(rows, ranks: [0, 1, 0, 0, 1])
        let last = try PreferenceDataset(rows, skips: [0, 0, 0, 0, 1])
        let both = try PreferenceDataset(rows, ranks: [0, 1, 0, 0, 1], skips: skips)
        #expect(Set([whole, skipping, ranked, last, both].map(\.digest)).count == 5)
        // The same numbers as ranks and as skips are different data.
        let pair = [PreferenceExample([7], [[1], [2, 3]])]
        #expect(try PreferenceDataset(pair, ranks: [0, 1]).digest != PreferenceDataset(pair, skips: [0, 1]).digest)
    }

    @Test("skips that leave a response no counted token are refused, with the example")
    func unfitSkips() {
        let remedy = "; prepare the data again with espalier-prepare"
        #expect(
            refusal(responseSkips: [0, 0, 0])
                == "response_skips must have one entry per response, 2, found 3" + remedy
        )
        for (skips, length, skipped) in [([0, 2], 2, 2), ([1, 1], 1, 1), ([0, -1], 2, -1)] as [([Int32], Int, Int)] {
            #expect(
                refusal(responseSkips: skips)
                    == "example 0: response_skips of a response of \(length) tokens must be from 0 to \(length - 1), "
                    + "found \(skipped)" + remedy
            )
        }
    }

    @Test("offsets that do not ascend from 0 to the end are refused, with the entry")
    func offsets() {
        let remedy = "; prepare the data again with espalier-prepare"
        #expect(
            refusal(promptOffsets: [1, 2]) == "prompt_offsets must ascend from 0 to 2, found 1 at the start" + remedy
        )
        #expect(
            refusal(promptOffsets: [0, 3]) == "prompt_offsets must ascend from 0 to 2, found 3 at the end" + remedy
        )
        #expect(refusal(promptOffsets: []) == "prompt_offsets must ascend from 0 to 2, found no entry" + remedy)
        #expect(
            refusal(responseOffsets: [0, 2, 1, 3])
                == "response_offsets must ascend from 0 to 3, found 1 after 2 at entry 2" + remedy
        )
        #expect(
            refusal(responseOffsets: [0, -1, 3])
                == "response_offsets must ascend from 0 to 3, found -1 after 0 at entry 1" + remedy
        )
        #expect(refusal(exampleOffsets: [0, 1]) == "row_offsets must ascend from 0 to 2, found 1 at the end" + remedy)
        #expect(
            refusal(exampleOffsets: [0, 1, 2])
                == "row_offsets must have one entry more than there are prompts, 2, found 3" + remedy
        )
    }

    @Test("an empty dataset is refused")
    func empty() {
        let text = refusal(
            promptIDs: [],
            promptOffsets: [0],
            responseIDs: [],
            responseOffsets: [0],
            exampleOffsets: [0]
        )
        #expect(text == "the dataset is empty; prepare it again with espalier-prepare and check its counts")
    }

    @Test("an example without a prompt, a second response or tokens in a response is refused by its number")
    func rowContents() {
        let remedy = "; prepare the data again with espalier-prepare"
        #expect(refusal(promptIDs: [], promptOffsets: [0, 0]) == "example 0 has an empty prompt" + remedy)
        #expect(
            refusal(responseOffsets: [0, 3], exampleOffsets: [0, 1])
                == "example 0 has one response, a preference needs two or more" + remedy
        )
        #expect(
            refusal(promptOffsets: [0, 1, 2], exampleOffsets: [0, 2, 2])
                == "example 1 has no response, a preference needs two or more" + remedy
        )
        #expect(
            refusal(promptOffsets: [0, 1, 2], responseOffsets: [0, 1, 2, 3, 3], exampleOffsets: [0, 2, 4])
                == "example 1: response 2 of 2 is empty" + remedy
        )
    }

    @Test("token ids must lie within the vocabulary, in prompts and responses")
    func vocabulary() throws {
        try PreferenceDataset(rows).validate(vocabularySize: 14)
        let remedy = "; prepare the data with this model's tokenizer"
        let inPrompt = #expect(throws: DatasetError.self) {
            try PreferenceDataset(rows).validate(vocabularySize: 13)
        }
        #expect(
            inPrompt?.description == "example 1: token id 13 is outside the model's vocabulary of 13" + remedy
        )
        let inResponse = #expect(throws: DatasetError.self) {
            try PreferenceDataset([PreferenceExample([0], [[1], [2, -3]])]).validate(vocabularySize: 13)
        }
        #expect(
            inResponse?.description == "example 0: token id -3 is outside the model's vocabulary of 13" + remedy
        )
    }

    @Test("data of another tokenizer is refused, data without a tokenizer digest is accepted")
    func tokenizer() throws {
        try PreferenceDataset(rows).validate(tokenizerDigest: "abc")
        let dataset = try PreferenceDataset(rows, metadata: ["tokenizer_digest": "0123456789abcdef"])
        try dataset.validate(tokenizerDigest: "0123456789abcdef")
        let error = #expect(throws: DatasetError.self) {
            try dataset.validate(tokenizerDigest: "fedcba9876543210")
        }
        #expect(
            error?.description
                == "prepared with another tokenizer (digest 0123456789ab…, the model's is fedcba987654…); "
                + "run espalier-prepare with this model"
        )
    }
}
