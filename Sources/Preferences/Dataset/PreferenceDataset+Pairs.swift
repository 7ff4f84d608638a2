extension PreferenceDataset {
    /// Expands each pair of these examples to an example of its own, as a trainer does that supports only pairs.
    package init(pairsOf dataset: PreferenceDataset, examples rows: [Int], pairing: Pairing) throws {
        let pairs = rows.flatMap { row in
            let first = dataset.responses(of: row).lowerBound
            return pairing.pairs(ranks: dataset.ranks(of: row)).map { pair in
                (row: row, responses: [first + pair.chosen, first + pair.rejected])
            }
        }
        try self.init(
            pairs.map { Example(prompt: dataset.prompt($0.row), responses: $0.responses.map(dataset.response)) },
            responseSkips: dataset.responseSkips.map { skips in pairs.flatMap(\.responses).map { skips[$0] } }
        )
    }
}
