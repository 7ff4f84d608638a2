package import Collectives
internal import Formats
package import Preferences
internal import SystemPackage

/// What a command that runs a model over preferences starts from: read and checked by every rank, the same on all.
package struct Inputs {
    package let policy: Policy
    package let dataset: PreferenceDataset
    /// Divides the data over the ranks.
    package let planner: Planner
    /// Divides held-out data over the ranks, where steps are to be judged by some.
    package let heldOut: Planner?

    /// Reads the model and the data that `configuration` names.
    ///
    /// - Parameter batchSize: Dataset rows of a step, where there are steps.
    /// - Throws: `RankFailure` on every rank where any rank fails, or has another model, other data or other settings.
    package init(
        _ configuration: TrainingConfiguration,
        communicator: any Communicator,
        batchSize: Int? = nil
    ) throws {
        let (policy, dataset, heldOut, settings, shards) = try communicator.agree {
            try configuration.validate()
            let shards = try configuration.communication.shardCount(ranks: communicator.size)
            let directory = FilePath(configuration.model)
            let policy = try Policy(configuration, directory: directory, communicator: communicator)
            let path = FilePath(configuration.data)
            let dataset = try PreferenceDataset(path: path)
            try dataset.validate(
                from: path,
                for: policy.configuration,
                in: directory,
                ranks: communicator.size,
                batchSize: batchSize
            )
            let heldOut = batchSize == nil ? nil : try configuration.heldOutData(for: policy.configuration)
            return (policy, dataset, heldOut, try configuration.commonSettings, shards)
        }
        try communicator.requireSame(policy.digest, "model (\(configuration.model))")
        try communicator.requireSame(dataset.digest, "data (\(configuration.data))")
        try communicator.requireSame(settings, "configuration")
        if let heldOut {
            try communicator.requireSame(heldOut.digest, "eval data (\(configuration.evaluation.evalData ?? ""))")
        }
        policy.reportIgnoredFiles(rank: communicator.rank)
        self.policy = policy
        self.dataset = dataset
        func divide(_ dataset: PreferenceDataset) -> Planner {
            Planner(dataset, configuration, model: policy.configuration, shards: shards)
        }
        planner = divide(dataset)
        self.heldOut = heldOut.map(divide)
    }
}
