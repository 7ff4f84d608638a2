extension PreferenceDataset {
    /// Checks that every token id is below the vocabulary's size.
    package func validate(vocabularySize: Int) throws {
        for row in 0..<count {
            let responses = responseOffsets[exampleOffsets[row]]..<responseOffsets[exampleOffsets[row + 1]]
            for ids in [prompt(row), responseIDs[responses]] {
                guard let id = ids.first(where: { $0 < 0 || $0 >= vocabularySize }) else { continue }
                throw DatasetError(
                    "example \(row): token id \(id) is outside the model's vocabulary of \(vocabularySize); "
                        + "prepare the data with this model's tokenizer"
                )
            }
        }
    }

    /// Checks that the data was prepared with the tokenizer that has this digest.
    package func validate(tokenizerDigest: String) throws {
        guard let prepared = metadata["tokenizer_digest"], prepared != tokenizerDigest else { return }
        throw DatasetError(
            "prepared with another tokenizer (digest \(prepared.prefix(12))…, "
                + "the model's is \(tokenizerDigest.prefix(12))…); run espalier-prepare with this model"
        )
    }

    // MARK: Arrays

    /// The maximum number of responses per example; pairs grow with its square.
    static let maximumResponses = 1024

    static let remedy = "; prepare the data again with espalier-prepare"

    /// Checks that offsets ascend from 0 to `end`.
    static func check(_ name: String, _ offsets: [Int], end: Int) throws {
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

    /// Checks that `values`, if present, has one entry for each of `responses`.
    static func check(_ name: String, _ values: [Int32]?, responses: Int) throws {
        guard let values, values.count != responses else { return }
        throw DatasetError(
            "\(name) must have one entry per response, \(responses), found \(values.count)" + remedy
        )
    }

    /// Checks that an example has a prompt, responses, ranks and skips that form a preference.
    func checkRow(_ row: Int) throws {
        guard !prompt(row).isEmpty else { throw DatasetError("example \(row) has an empty prompt" + Self.remedy) }
        let responses = responses(of: row)
        guard responses.count >= 2 else {
            let found = responses.isEmpty ? "no response" : "one response"
            throw DatasetError("example \(row) has \(found), a preference needs two or more" + Self.remedy)
        }
        guard responses.count <= Self.maximumResponses else {
            throw DatasetError(
                "example \(row) has \(responses.count) responses, the maximum is \(Self.maximumResponses)"
                    + Self.remedy
            )
        }
        if let empty = responses.first(where: { responseRange($0).isEmpty }) {
            let place = "response \(empty - responses.lowerBound + 1) of \(responses.count)"
            throw DatasetError("example \(row): \(place) is empty" + Self.remedy)
        }
        try checkRanks(of: row)
        try checkSkips(of: row)
    }

    private func checkRanks(of row: Int) throws {
        let ranks = ranks(of: row)
        guard ranks[0] == 0, zip(ranks, ranks.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw DatasetError("example \(row): ranks must ascend from 0, found \(ranks)" + Self.remedy)
        }
        guard ranks[ranks.count - 1] > 0 else {
            throw DatasetError(
                "example \(row): all \(ranks.count) responses have the same rank, so none is preferred" + Self.remedy
            )
        }
    }

    private func checkSkips(of row: Int) throws {
        guard let responseSkips else { return }
        for index in responses(of: row) where !(0..<responseRange(index).count).contains(Int(responseSkips[index])) {
            throw DatasetError(
                "example \(row): response_skips of a response of \(responseRange(index).count) tokens must be from 0 "
                    + "to \(responseRange(index).count - 1), found \(responseSkips[index])" + Self.remedy
            )
        }
    }
}
