internal import Compute
internal import Formats
internal import Foundation
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

/// The number of threads of a rank: `wanted`, or for 0 the rank's part of the available processors.
package func threadCount(_ wanted: Int) -> Int {
    guard wanted == 0 else { return wanted }
    // Open MPI reports how many ranks share this host, and whether each is bound to its own processors.
    let environment = ProcessInfo.processInfo.environment
    let ranksOnHost = environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap { Int($0) } ?? 1
    let available = Processor.availableCount
    let isBound = environment["OMPI_MCA_orte_bound_at_launch"] == "1"
    return isBound && available < ProcessInfo.processInfo.processorCount ? available : max(1, available / ranksOnHost)
}
