/// A truncated example: the end of the prompt, and the start of its first responses.
package struct TruncatedExample: Sendable, Equatable {
    /// The prompt's last tokens.
    let prompt: ArraySlice<Int32>
    /// The responses' first tokens.
    let responses: [ArraySlice<Int32>]

    /// Keeps at most `cut.prompt` tokens of the prompt, and `cut.response` of each of the first `cut.responses`
    /// responses.
    package init(_ dataset: PreferenceDataset, example row: Int, cut: (prompt: Int, response: Int, responses: Int)) {
        prompt = dataset.prompt(row).suffix(cut.prompt)
        responses = dataset.responses(of: row).prefix(cut.responses).map { dataset.response($0).prefix(cut.response) }
    }

    /// Whether the truncated responses are all different.
    package var hasDistinctResponses: Bool { Set(responses).count == responses.count }
}

extension PreferenceDataset {
    /// A dataset of truncated examples; nil if there are none.
    package init?(_ examples: [TruncatedExample]) {
        let rows = examples.map { Example(prompt: $0.prompt, responses: $0.responses) }
        let dataset = try? PreferenceDataset(rows)
        guard let dataset else { return nil }
        self = dataset
    }
}
