package import Collectives
package import Configuration
package import Preferences
internal import SystemPackage
package import Transformer

extension Planner {
    /// A planner with the sharing mode and maximum sequence length of `configuration`, and the costs of `model`.
    package init(
        _ dataset: PreferenceDataset,
        _ configuration: TrainingConfiguration,
        model: Architecture,
        adapter: Adapter? = nil,
        shards: Int
    ) {
        self.init(
            dataset: dataset,
            sharing: configuration.sharing,
            pairing: configuration.pairs,
            rowTokens: configuration.rowTokens,
            shards: shards,
            cost: CostModel(model, adapter: adapter)
        )
    }
}

extension BatchSampler {
    /// The first step of a run over `dataset`.
    package init(_ dataset: PreferenceDataset, _ configuration: TrainingConfiguration) {
        self.init(
            exampleCount: dataset.count,
            batchSize: configuration.globalBatchSize,
            seed: configuration.seed,
            shuffles: configuration.shuffle,
            groups: configuration.groupByPrompt ? dataset.promptGroups : nil
        )
    }
}

extension TrainingConfiguration {
    /// Refuses settings that do not suit the number of ranks, and a run whose steps all have the learning rate 0.
    func check(_ planner: Planner, ranks: Int) throws {
        let examples = planner.dataset.count
        let stepsPerEpoch = BatchSampler.stepsPerEpoch(exampleCount: examples, batchSize: globalBatchSize)
        try checkLearningRates(steps: totalSteps(stepsPerEpoch: stepsPerEpoch))
        // A measured speed belongs to a rank, and does not apply to shards.
        guard balance == .planned || planner.shards == ranks else {
            let found = "measured with \(planner.shards) shards on \(ranks) ranks"
            let expected = "planned, or measured with one shard per rank"
            throw TrainingError.invalid(key: "balance", expected: expected, found: found)
        }
    }

    /// Reads the held-out preferences, and checks them against the model; nil if none are configured.
    ///
    /// There may be fewer examples than ranks: ranks without examples also take part in evaluations.
    package func heldOutData(for model: Architecture) throws -> PreferenceDataset? {
        guard let path = evaluation.evalData.map({ FilePath($0) }) else { return nil }
        let dataset = try PreferenceDataset.read(path: path)
        try dataset.validate(from: path, for: model, in: FilePath(self.model), ranks: 1)
        return dataset
    }
}

/// The number of threads of a rank: `wanted`, or for 0 the rank's share of the processors that it may run on.
package func threadCount(_ wanted: Int, on communicator: any Communicator) -> Int {
    wanted == 0 ? communicator.hostShare.processors : wanted
}
