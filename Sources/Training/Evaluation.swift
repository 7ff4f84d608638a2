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

    /// The metrics of the model on the data, by TRL's names with `eval_` in front, each with its 95 % interval.
    ///
    /// - Parameter referenceModel: The model whose log-probabilities rewards are measured from; nil for the model
    ///   itself, which gives every reward 0 and leaves `eval_logps/accuracies` as the measure. The cache is the
    ///   reference model's, whichever that is.
    package func run(referenceModel: FilePath?) throws -> MetricsRecord {
        let start = ContinuousClock().now
        let inputs = try Inputs(configuration, communicator: communicator)
        let (policy, planner) = (inputs.policy, inputs.planner)
        let objective = try communicator.agree {
            try configuration.checkReferenceCache(rank: communicator.rank)
            return try Objective(configuration.objective)
        }
        let rows = Array(0..<inputs.dataset.count)
        let model = try communicator.agree { try policy.model(for: rows, planner: planner, trains: false) }
        let reference = try referenceModel.map {
            try self.reference($0, policy: policy, planner: planner, rows: rows, model: model)
        }
        let scoring = PairScoring(objective: objective, pairing: configuration.pairs, reference: reference)
        let pass = ScoringPass(policy: policy, planner: planner, communicator: communicator)
        var tally = EvaluationTally(try pass.losses(scoring, rows: rows, model: model), rows: rows.count)
        let tokens = try pass.tokenLogps(rows: rows, model: model, title: "evaluate") { tally.count($0, scores: $1) }
        if reference == nil { try source(pass).keep(tokens, of: rows) }
        let report = try tally.report(communicator)
        var record = MetricsRecord()
        record.add("pairs", Int(report.statistics[.pairs]))
        record.add(report, intervals: true, seconds: (ContinuousClock().now - start) / .seconds(1))
        return record
    }

    private func reference(
        _ directory: FilePath,
        policy: Policy,
        planner: Planner,
        rows: [Int],
        model: ForestModel
    ) throws -> ReferenceLogps {
        let judge = try communicator.agree {
            let judge = try Policy(configuration, directory: directory, communicator: communicator)
            try planner.dataset.validate(
                from: FilePath(configuration.data),
                for: judge.configuration,
                in: directory,
                ranks: communicator.size
            )
            return judge
        }
        try communicator.requireSame(judge.digest, "reference model (\(directory))")
        judge.reportIgnoredFiles(rank: communicator.rank)
        var source = source(ScoringPass(policy: judge, planner: planner, communicator: communicator))
        let model = try communicator.agree {
            judge.configuration == policy.configuration
                ? model : try judge.model(for: rows, planner: planner, trains: false)
        }
        return try source.logps(rows: rows, model: model)
    }

    private func source(_ pass: ScoringPass) -> ReferenceSource {
        ReferenceSource(pass: pass, cache: configuration.referenceCache.map { FilePath($0) })
    }
}
