package import Collectives
package import Configuration
internal import Formats
package import Preferences
internal import Reporting
internal import SystemPackage

/// The inputs of a command that runs a model over preferences: read and checked by every rank, the same on all.
package struct Inputs {
    package let policy: Policy
    package let dataset: PreferenceDataset
    /// Plans the data over the ranks.
    package let planner: Planner
    /// Plans held-out data over the ranks; nil without such data.
    package let heldOut: Planner?

    /// Reads the model and the data that `configuration` names; collective.
    ///
    /// - Parameter batchSize: Examples per step; nil for a command without steps.
    /// - Throws: `RankFailure` on every rank if any rank fails, or has another model, other data or other settings.
    package static func read(
        _ configuration: TrainingConfiguration,
        communicator: any Communicator,
        batchSize: Int? = nil
    ) throws -> Inputs {
        let (policy, dataset, heldOut, settings, shards) = try communicator.agree {
            try configuration.validate()
            let shards = try configuration.communication.shardCount(ranks: communicator.size)
            let directory = FilePath(configuration.model)
            let policy = try Policy.read(
                configuration,
                directory: directory,
                adapter: configuration.adapterSource,
                trains: batchSize != nil,
                communicator: communicator
            )
            let path = FilePath(configuration.data)
            let dataset = try PreferenceDataset.read(path: path)
            try dataset.validate(
                from: path,
                for: policy.architecture,
                in: directory,
                ranks: communicator.size,
                batchSize: batchSize
            )
            let heldOut = batchSize == nil ? nil : try configuration.heldOutData(for: policy.architecture)
            return (policy, dataset, heldOut, try configuration.commonSettings, shards)
        }
        let adapter = configuration.adapter.adapter.map { " or adapter (\($0))" } ?? ""
        try communicator.requireSame(policy.digest, "model (\(configuration.model))\(adapter)")
        try communicator.requireSame(dataset.digest, "data (\(configuration.data))")
        try communicator.requireSame(settings, "configuration")
        if let heldOut {
            try communicator.requireSame(heldOut.digest, "eval data (\(configuration.evaluation.evalData ?? ""))")
        }
        policy.reportIgnoredFiles(rank: communicator.rank)
        try reportHosts(threads: configuration.threads, on: communicator)
        if communicator.rank == 0 {
            dataset.reportDifferences(from: configuration.data, for: configuration.model)
            if let evalData = configuration.evaluation.evalData {
                heldOut?.reportDifferences(from: evalData, for: configuration.model)
            }
        }
        func divide(_ dataset: PreferenceDataset) -> Planner {
            Planner(
                dataset,
                configuration,
                model: policy.architecture,
                adapter: policy.adapter?.adapter,
                shards: shards
            )
        }
        return Inputs(
            policy: policy,
            dataset: dataset,
            planner: divide(dataset),
            heldOut: heldOut.map(divide)
        )
    }
}
