package import Collectives
package import Formats
package import Preferences
internal import Transformer

extension Planner {
    /// A planner with the sharing and row size of `configuration` and the costs of `model`.
    package init(
        _ dataset: PreferenceDataset,
        _ configuration: TrainingConfiguration,
        model: ModelConfiguration,
        shards: Int
    ) {
        self.init(
            dataset: dataset,
            sharing: configuration.sharing,
            pairing: configuration.pairs,
            rowTokens: configuration.rowTokens,
            shards: shards,
            cost: CostModel(model)
        )
    }
}

extension StepCursor {
    /// The first step of a run over `dataset`.
    init(_ dataset: PreferenceDataset, _ configuration: TrainingConfiguration) {
        self.init(
            rowCount: dataset.count,
            batchSize: configuration.globalBatchSize,
            seed: configuration.seed,
            shuffles: configuration.shuffle,
            groups: configuration.groupByPrompt ? dataset.promptGroups : nil
        )
    }
}

extension TrainingConfiguration {
    /// Refuses what a run cannot do on so many ranks, and a reference cache that this rank cannot use.
    func check(_ planner: Planner, rank: Int, ranks: Int) throws {
        try checkReferenceCache(rank: rank)
        // A measured speed is a rank's: it says nothing of shards that are not.
        guard balance == .planned || planner.shards == ranks else {
            let found = "measured with \(planner.shards) shards on \(ranks) ranks"
            throw TrainingError.invalid(key: "balance", expected: "planned, or as many shards as ranks", found: found)
        }
    }
}

/// The threads of a rank: as many as asked for, else its share of the processors that it may run on.
package func threadCount(_ wanted: Int, on communicator: any Communicator) -> Int {
    wanted == 0 ? communicator.hostShare.processors : wanted
}
