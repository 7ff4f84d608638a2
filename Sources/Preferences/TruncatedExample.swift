/// A small part of a row of a dataset: where its first responses begin.
package struct TruncatedExample: Sendable, Equatable {
    /// The prompt's last tokens.
    let prompt: ArraySlice<Int32>
    /// The responses' first tokens.
    let responses: [ArraySlice<Int32>]

    /// At most `cut.prompt` tokens of the prompt, and `cut.response` of each of the first `cut.responses` responses.
    package init(_ dataset: PreferenceDataset, row: Int, cut: (prompt: Int, response: Int, responses: Int)) {
        prompt = dataset.prompt(row).suffix(cut.prompt)
        responses = dataset.responses(of: row).prefix(cut.responses).map { dataset.response($0).prefix(cut.response) }
    }

    /// Whether the responses differ in what is left of them.
    package var parts: Bool { Set(responses).count == responses.count }
}

extension PreferenceDataset {
    /// A dataset of such parts; nil of none.
    package init?(_ beginnings: [TruncatedExample]) {
        let rows = beginnings.map { Row(prompt: $0.prompt, responses: $0.responses) }
        let dataset = try? PreferenceDataset(rows)
        guard let dataset else { return nil }
        self = dataset
    }
}
