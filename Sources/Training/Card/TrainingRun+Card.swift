internal import Collectives
internal import Compute
internal import Configuration
internal import Formats
internal import Objectives
internal import Preferences
internal import Reporting
internal import SystemPackage
internal import Transformer

extension TrainingRun {
    /// The card of the written model, from settings, data and metrics.
    func modelCard(_ output: ModelDirectory) -> ModelCard {
        let best = configuration.evaluation.loadBestModelAtEnd ? evaluation?.history.best?.step : nil
        var facts = CardFacts(
            name: (output.path.resolved ?? output.path).lastComponent?.string ?? "model",
            base: BaseModel(
                directory: FilePath(configuration.model),
                adapterBase: policy.adapter.flatMap { $0.isNew ? nil : $0.configuration.base }
            )
        )
        facts.adapter = policy.adapter.map { _ in "lora" }
        facts.losses = configuration.objective.lossType
        facts.sources = DataSource.sources(of: planner.dataset)
        if let evaluation {
            facts.heldOut = DataSource.sources(of: evaluation.dataset)
            facts.evaluation = CardEvaluation(step: best ?? state.step, in: output.file("metrics.jsonl"))
        }
        let parts = [facts.advice, introduction(facts), facts.results, facts.use, training(facts, best: best)]
        return ModelCard(
            metadata: facts.metadata,
            title: facts.name,
            parts: parts.compactMap { $0 } + [CardFacts.software] + [facts.citation].compactMap { $0 }
        )
    }

    private func introduction(_ facts: CardFacts) -> String {
        let what = facts.adapter == nil ? "This model is" : "This is a low-rank adapter of"
        let methods = facts.losses.map { LossPaper.of($0)?.method ?? $0.uppercased() }.joined(separator: " and ")
        let data = facts.sources.map(CardFacts.text).joined(separator: ", ")
        let base = facts.adapter == nil ? "\(facts.baseText), fine-tuned" : "\(facts.baseText), trained"
        return "\(what) \(base) on preferences\(data.isEmpty ? "" : " (\(data))") by \(methods)."
    }

    private func training(_ facts: CardFacts, best: Int?) -> String {
        let rows = [["setting", "value"]] + objectiveRows(facts) + stepRows(best: best) + optimizerRows
        return "## Training\n\n" + Markdown.table(rows)
            + "\n\nAll settings are in `\(ModelDirectory.settings)`, the metrics in `metrics.jsonl` and `summary.json`."
    }

    private func objectiveRows(_ facts: CardFacts) -> [[String]] {
        let weights = configuration.objective.lossWeights.map { weights in
            ["loss weights", weights.map { "\($0)" }.joined(separator: ", ")]
        }
        let adapter = policy.adapter.map {
            ["adapter", "rank \($0.configuration.rank), alpha \($0.configuration.alpha)"]
        }
        let rows = [["loss", Markdown.code(facts.losses.joined(separator: ", "))], weights]
        return (rows + [["beta", "\(configuration.objective.beta)"], adapter]).compactMap { $0 }
    }

    private func stepRows(best: Int?) -> [[String]] {
        let which = best.map { "; the model is that of step \($0)" } ?? ""
        return [
            ["examples", "\(planner.dataset.count)"],
            ["steps", "\(state.step) of \(schedule.totalSteps)\(which)"],
            ["examples per step", "\(configuration.globalBatchSize)"],
            ["epochs", rounded(schedule.epoch(after: state.step), 2)],
            ["seed", "\(configuration.seed)"],
            ["ranks, threads of each", "\(communicator.size), \(policy.team.count)"],
            ["seconds of training", rounded(state.trainSeconds, 0)],
        ]
    }

    private var optimizerRows: [[String]] {
        let settings = configuration
        let betas = "betas \(settings.adamBeta1) and \(settings.adamBeta2)"
        return [
            ["learning rate", "\(settings.learningRate), \(Markdown.code(settings.lrSchedulerType.rawValue))"],
            ["optimizer", "AdamW, \(betas), weight decay \(settings.weightDecay)"],
            ["gradient norm", settings.maxGradNorm > 0 ? "clipped to \(settings.maxGradNorm)" : "not clipped"],
            ["number format of products", Markdown.code(settings.precision.rawValue)],
        ]
    }
}

extension ModelCard {
    /// The card of a model with the adapter of `configuration` merged into its weights.
    static func merged(_ configuration: TrainingConfiguration, _ policy: Policy) -> ModelCard {
        let output = FilePath(configuration.output)
        let facts = CardFacts(
            name: (output.resolved ?? output).lastComponent?.string ?? "model",
            base: BaseModel(directory: FilePath(configuration.model), adapterBase: policy.adapter?.configuration.base)
        )
        let path = FilePath(configuration.adapter.adapter ?? "")
        let adapter = (path.resolved ?? path).lastComponent?.string ?? ""
        let name = Markdown.code(adapter)
        let introduction = "This model is \(facts.baseText) with the adapter \(name) merged into its weights."
        let parts = [facts.advice, introduction, facts.use, CardFacts.software].compactMap { $0 }
        return ModelCard(metadata: facts.metadata, title: facts.name, parts: parts)
    }
}
