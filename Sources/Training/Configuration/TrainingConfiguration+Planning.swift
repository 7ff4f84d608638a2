package import Collectives
internal import Formats
package import Preferences
package import Transformer

extension Planner {
    /// A planner with the sharing mode and row size of `configuration`, and the costs of `model`.
    package init(
        _ dataset: PreferenceDataset,
        _ configuration: TrainingConfiguration,
        model: Architecture,
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

extension BatchSampler {
    /// The first step of a run over `dataset`.
    package init(_ dataset: PreferenceDataset, _ configuration: TrainingConfiguration) {
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
    /// Refuses settings that do not suit the number of ranks, and a reference cache that this rank cannot use.
    func check(_ planner: Planner, rank: Int, ranks: Int) throws {
        try checkReferenceCache(rank: rank)
        // A measured speed belongs to a rank, and does not apply to shards.
        guard balance == .planned || planner.shards == ranks else {
            let found = "measured with \(planner.shards) shards on \(ranks) ranks"
            throw TrainingError.invalid(key: "balance", expected: "planned, or as many shards as ranks", found: found)
        }
    }
}

/// The number of threads of a rank: `wanted`, or for 0 the rank's share of the processors that it may run on.
package func threadCount(_ wanted: Int, on communicator: any Communicator) -> Int {
    wanted == 0 ? communicator.hostShare.processors : wanted
}
