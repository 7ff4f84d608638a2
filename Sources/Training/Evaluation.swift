package import Collectives
internal import Formats
internal import Objectives
internal import Preferences
package import SystemPackage
internal import Transformer

/// Judges a model on preferences, exactly, over all ranks.
package struct Evaluation {
    private let configuration: TrainingConfiguration
    private let communicator: any Communicator

    /// An evaluation with the objective, sharing and row size of `configuration`; its `output` is not used.
    package init(_ configuration: TrainingConfiguration, communicator: any Communicator) {
        self.configuration = configuration
        self.communicator = communicator
    }

    /// The metrics of the model on the data, by TRL's names with `eval_` in front.
    ///
    /// - Parameter referenceModel: The model whose log-probabilities rewards are measured from; nil for the model
    ///   itself, which gives every reward 0 and leaves `eval_logps/accuracies` as the measure.
    package func run(referenceModel: FilePath?) throws -> MetricsRecord {
        let start = ContinuousClock().now
        let (policy, dataset, objective) = try communicator.agree {
            let policy = try Policy(configuration, directory: FilePath(configuration.model))
            let dataset = try PreferenceDataset(path: FilePath(configuration.data))
            try dataset.validate(for: policy.configuration, in: policy.directory, ranks: communicator.size)
            return (policy, dataset, try configuration.objective())
        }
        let rows = Array(0..<dataset.count)
        let planner = Planner(dataset, configuration, model: policy.configuration, shards: communicator.size)
        let model = try communicator.agree { try policy.model(for: rows, planner: planner, trains: false) }
        let reference = try self.reference(referenceModel, policy: policy, planner: planner, rows: rows, model: model)
        let scoring = PairScoring(objective: objective, beta: configuration.beta, reference: reference)
        let pass = ScoringPass(policy: policy, planner: planner, communicator: communicator)
        let progress = ProgressLine(title: "evaluate", rank: communicator.rank)
        var statistics = PreferenceStatistics()
        pass.visit(rows: rows, model: model) { fraction in
            progress.show(fraction, details: "\(rows.count) rows", isMilestone: fraction == 1)
        } _: { row, scores in
            scoring.count(row, scores: scores, into: &statistics)
        }
        progress.finish()
        statistics = PreferenceStatistics(sums: try communicator.sum(statistics.sums))
        return record(statistics, seconds: (ContinuousClock().now - start) / .seconds(1))
    }

    private func reference(
        _ directory: FilePath?,
        policy: Policy,
        planner: Planner,
        rows: [Int],
        model: ForestModel
    ) throws -> ReferenceLogps {
        let judge = try communicator.agree {
            guard let directory else { return policy }
            let judge = try Policy(configuration, directory: directory)
            try planner.dataset.validate(for: judge.configuration, in: directory, ranks: communicator.size)
            return judge
        }
        var source = ReferenceSource(
            pass: ScoringPass(policy: judge, planner: planner, communicator: communicator),
            cache: configuration.referenceCache.map { FilePath($0) }
        )
        let model = try communicator.agree {
            judge.configuration == policy.configuration
                ? model : try judge.model(for: rows, planner: planner, trains: false)
        }
        return try source.logps(rows: rows, model: model)
    }

    private func record(_ statistics: PreferenceStatistics, seconds: Double) -> MetricsRecord {
        var record = MetricsRecord()
        record.add("pairs", Int(statistics[.pairs]))
        for (name, value) in statistics.metrics { record.add("eval_" + name, value) }
        record.add("eval_logps/accuracies", statistics.mean(.logpAccuracy))
        record.add("eval_runtime", seconds)
        record.add("eval_pairs_per_second", statistics[.pairs] / seconds)
        return record
    }
}
