package import Collectives
package import Configuration
internal import Formats
internal import Objectives
internal import Preferences
package import Reporting
package import SystemPackage
internal import Transformer

/// Evaluates a model on preferences, exactly, over all ranks.
package struct Evaluation {
    private let configuration: TrainingConfiguration
    private let communicator: any Communicator

    /// An evaluation with the objective, sharing mode and maximum sequence length of `configuration`; its `output` is
    /// not used.
    package init(_ configuration: TrainingConfiguration, communicator: any Communicator) {
        self.configuration = configuration
        self.communicator = communicator
    }

    /// Computes the metrics of the model on the data, under TRL's names with the prefix `eval_`, each with its 95 %
    /// interval.
    ///
    /// - Parameters:
    ///   - referenceModel: The reference model; nil for none, which leaves rewards and loss undefined unless the objective uses
    ///     no reference, and `eval_logps/accuracies` as the metric. The cache is always the reference model's, or the model's
    ///     own without one.
    ///   - referenceAdapter: An adapter of the reference model.
    package func run(referenceModel: FilePath?, referenceAdapter: FilePath? = nil) throws -> MetricsRecord {
        let start = ContinuousClock().now
        let inputs = try Inputs.read(configuration, communicator: communicator)
        let (policy, planner) = (inputs.policy, inputs.planner)
        _ = try policy.chooseProducts(configuration.precision, communicator: communicator)
        let objective = try communicator.agree {
            try configuration.checkReferenceCache(rank: communicator.rank)
            return try Objective(configuration.objective)
        }
        let hasReference = referenceModel != nil || !objective.usesReference
        if !hasReference, communicator.rank == 0 {
            printNotice(
                "note: no --reference-model: rewards and eval_loss, which are relative to it, are null; eval_logps/accuracies is "
                    + "the fraction of pairs whose chosen response is more likely"
            )
        }
        let rows = Array(0..<inputs.dataset.count)
        let model = try communicator.agree { try policy.model(for: rows, planner: planner, trains: false) }
        let reference = try referenceModel.map {
            try self.reference($0, referenceAdapter, policy: policy, planner: planner, rows: rows, model: model)
        }
        let scoring = PairScoring(
            objective: objective,
            pairing: configuration.pairs,
            reference: reference?.logps,
            layers: max(policy.architecture.layerCount, reference?.layers ?? 0)
        )
        let pass = ScoringPass(policy: policy, planner: planner, communicator: communicator)
        var tally = EvaluationTally(try pass.losses(scoring, rows: rows, model: model), rows: rows.count)
        let tokens = try pass.tokenLogps(rows: rows, model: model, title: "evaluate") { tally.count($0, scores: $1) }
        if reference == nil { try source(pass).keep(tokens, of: rows) }
        let report = try tally.report(communicator, hasReference: hasReference)
        var record = MetricsRecord()
        record.add("pairs", Int(report.statistics[.pairs]))
        record.add(report, seconds: (ContinuousClock().now - start) / .seconds(1))
        return record
    }

    private func reference(
        _ directory: FilePath,
        _ adapter: FilePath?,
        policy: Policy,
        planner: Planner,
        rows: [Int],
        model: ForestModel
    ) throws -> (logps: ReferenceLogps, layers: Int) {
        let other = try communicator.agree {
            let other = try Policy.read(
                configuration,
                directory: directory,
                adapter: adapter.map { .directory($0) },
                trains: false,
                communicator: communicator
            )
            try planner.dataset.validate(
                from: FilePath(configuration.data),
                for: other.architecture,
                in: directory,
                ranks: communicator.size
            )
            return other
        }
        other.use(policy.products)
        try communicator.requireSame(other.digest, "reference model (\(directory))")
        other.reportIgnoredFiles(rank: communicator.rank)
        var source = source(ScoringPass(policy: other, planner: planner, communicator: communicator))
        let model = try communicator.agree {
            other.isComputed(by: model, of: policy)
                ? model : try other.model(for: rows, planner: planner, trains: false)
        }
        return (try source.logps(rows: rows, model: model), other.architecture.layerCount)
    }

    private func source(_ pass: ScoringPass) -> ReferenceSource {
        ReferenceSource(pass: pass, cache: configuration.referenceCache.map { FilePath($0) })
    }
}
