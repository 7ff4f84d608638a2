internal import Collectives
internal import Compute
internal import Configuration
internal import Formats
internal import Objectives
internal import Preferences
internal import Reporting
internal import RunReport
internal import SystemPackage
internal import Transformer

extension TrainingRun {
    /// Writes the model, unless the best one stays, the remaining metrics and the summary.
    func finish(log: MetricsLog?) throws {
        Progress.enter("writing the model")
        saving.finishJob()
        try comparison.check(step: state.step)
        let peakBytes = try communicator.maximum(Double(Processor.peakResidentBytes))
        let hasBest = configuration.evaluation.loadBestModelAtEnd && evaluation?.history.best != nil
        let weights = hasBest ? nil : try trainedEntries()
        try communicator.agree {
            guard let output else { return }
            // The model first: if a full disk has held back metrics, they must not cost the model.
            if let weights { try output.write(weights) }
            try log?.finish()
            let summary = summary(peakBytes: Int(peakBytes))
            try AtomicFile.write(to: output.file("summary.json")) { try $0.append(summary.page) }
            modelCard(output).write(to: output.path)
        }
    }

    /// Records that the run is complete, after all of its files are written: a run with this record is not resumed, so
    /// that nothing would write a file that is missing, or remove a temporary one.
    func recordCompletion() throws {
        try communicator.agree {
            guard output != nil else { return }
            try saving.recordCompletion(step: state.step, of: schedule.totalSteps)
        }
    }

    /// The trained weights in float32 as tensors of a model file, on rank 0; collective, between two steps.
    ///
    /// - Throws: `RankFailure` on every rank if they are not finite.
    func trainedEntries() throws -> [SafetensorsEntry] {
        try comparison.requireFinite(step: state.step)
        return policy.layout.entries(of: try optimizerState.gatherWeights(of: policy, scratch: gradients.total.flat))
    }

    /// Writes `report.html` on rank 0, from the other files of the output directory.
    ///
    /// That it cannot be written is reported: it can be drawn again, and must not cost the run.
    func writeReport() {
        guard let output else { return }
        do {
            let report = RunReport([try RecordedRun(output.path)])
            try AtomicFile.write(to: output.file(ModelDirectory.report)) { try $0.append(report.html) }
        } catch {
            printNotice("warning: \(error); espalier report draws the run again".printable())
        }
    }

    /// Prints on rank 0 where the model and the metrics are, and how to evaluate the model.
    func reportOutput() {
        guard let output else { return }
        let best = configuration.evaluation.loadBestModelAtEnd ? evaluation?.history.best : nil
        let what = policy.adapter == nil ? "model" : "adapter"
        let which = best.map { "the \(what) of step \($0.step), the best of the evaluations," } ?? "the \(what)"
        let heldOut = configuration.evaluation.evalData ?? "HELDOUT.safetensors"
        printNotice("saved \(which) to \(output.path); metrics are in \(output.file("metrics.jsonl"))")
        let launcher = communicator.size > 1 ? MPILibrary.built.start(ranks: communicator.size) + " " : ""
        let (place, source) = (output.path.string.shellQuoted, configuration.model.shellQuoted)
        let model = policy.adapter == nil ? "--model \(place)" : "--model \(source) --adapter \(place)"
        let settings = output.file(ModelDirectory.settings).string.shellQuoted
        // The reference is the adapter that the run started from.
        let start = configuration.adapter.adapter.map { "--reference-adapter \($0.shellQuoted) " } ?? ""
        printNotice(
            "evaluate it with: \(launcher)espalier evaluate --config \(settings) \(model) --reference-model \(source) "
                + "\(start)--data \(heldOut.shellQuoted)"
        )
    }

    /// Writes the phases of rank 0 and the trace of all ranks.
    func write(_ profile: StepProfile) throws {
        let trace = try profile.trace(communicator)
        try communicator.agree {
            guard let output, let trace else { return }
            let table = profile.table(peakRate: preparation.peakRate.limit / Double(communicator.size))
            try AtomicFile.write(to: output.file("phases.txt")) { try $0.append(table) }
            try AtomicFile.write(to: output.file("trace.json")) { try $0.append(trace) }
        }
    }

    /// The content of `summary.json`.
    ///
    /// Steps, their time and their metrics cover the whole run, across resumptions; startup, reference and saving cover
    /// this process.
    ///
    /// - Parameter peakBytes: The largest resident memory of a rank.
    private func summary(peakBytes: Int) -> MetricsRecord {
        let (total, seconds) = (state.total, state.trainSeconds)
        var summary = MetricsRecord()
        summary.add("steps", total.steps)
        summary.add("skipped_steps", total.skipped)
        if state.rollbacks > 0 { summary.add("rollbacks", state.rollbacks) }
        summary.add("ranks", communicator.size)
        summary.add("shards", planner.shards)
        summary.add("threads", policy.team.count)
        partition.addSummary(to: &summary)
        summary.add("pairs", total.pairs)
        preparation.addSummary(to: &summary)
        summary.add("train_seconds", seconds)
        summary.add("eval_seconds", state.evaluationSeconds)
        summary.add("save_seconds", saving.stallSeconds)
        summary.add("save_write_seconds", saving.writeSeconds)
        summary.add("pairs_per_second", Double(total.pairs) / (seconds + preparation.referenceSeconds))
        summary.add("train_pairs_per_second", Double(total.pairs) / seconds)
        summary.add("sharing", planner.sharing.rawValue)
        summary.add("tokens_computed", total.tokensComputed)
        summary.add("tokens_unshared", total.tokensUnshared)
        summary.add("mfu", total.utilization(peakRate: preparation.peakRate.limit))
        preparation.peakRate.addSummary(to: &summary)
        summary.add("imbalance", total.imbalances.planned)
        summary.add("measured_imbalance", total.imbalances.measured)
        summary.add("peak_rss_bytes", peakBytes)
        for (name, value) in total.statistics.metrics { summary.add(name, value) }
        evaluation?.addSummary(to: &summary)
        Software.current.add(to: &summary)
        return summary
    }
}
