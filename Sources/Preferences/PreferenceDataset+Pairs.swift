extension PreferenceDataset {
    /// Each pair of these rows as a row of its own, with its prompt: what a trainer that knows pairs alone makes of
    /// rankings.
    package init(pairsOf dataset: PreferenceDataset, rows: [Int], pairing: Pairing) throws {
        var (prompts, responses, skips) = ([Int32](), [Int32](), [Int32]())
        var (promptOffsets, responseOffsets, rowOffsets) = ([0], [0], [0])
        for row in rows {
            let first = dataset.responses(of: row).lowerBound
            for pair in pairing.pairs(ranks: dataset.ranks(of: row)) {
                prompts += dataset.prompt(row)
                promptOffsets.append(prompts.count)
                for response in [first + pair.chosen, first + pair.rejected] {
                    responses += dataset.response(response)
                    skips.append(dataset.responseSkips?[response] ?? 0)
                    responseOffsets.append(responses.count)
                }
                rowOffsets.append(responseOffsets.count - 1)
            }
        }
        try self.init(
            promptIDs: prompts,
            promptOffsets: promptOffsets,
            responseIDs: responses,
            responseOffsets: responseOffsets,
            rowOffsets: rowOffsets,
            responseSkips: dataset.responseSkips == nil ? nil : skips
        )
    }
}
