internal import Collectives
internal import Compute
internal import Formats
internal import Objectives
internal import Preferences
internal import Reporting

extension TrainingRun {
    /// Writes the model, unless the best is to remain, and what there is to tell of the run.
    func finish(log: MetricsLog?) throws {
        Progress.enter("writing the model")
        saving.finishJob()
        try comparison.check(step: state.step)
        let peakBytes = try communicator.maximum(Double(Processor.peakResidentBytes))
        let hasBest = configuration.evaluation.loadBestModelAtEnd && evaluation?.history.best != nil
        try communicator.agree {
            guard let output else { return }
            // The model first: where a full disk has held metrics back, it must not be lost for them.
            if !hasBest { try output.write(policy) }
            try log?.finish()
            let summary = summary(peakBytes: Int(peakBytes))
            try AtomicFile.write(to: output.file("summary.json")) { try $0.append(summary.page) }
        }
    }

    /// Writes where the time of rank 0 went, and what all ranks did when.
    func write(_ profile: StepProfile) throws {
        let trace = try profile.trace(communicator)
        try communicator.agree {
            guard let output, let trace else { return }
            let table = profile.table(peakRate: preparation.peakRate / Double(communicator.size))
            try AtomicFile.write(to: output.file("phases.txt")) { try $0.append(table) }
            try AtomicFile.write(to: output.file("trace.json")) { try $0.append(trace) }
        }
    }

    /// What `summary.json` tells.
    ///
    /// Steps, their time and their metrics are those of the whole run, from whichever checkpoint it went on; what is told
    /// of starts, reference and saving is of this process.
    ///
    /// - Parameter peakBytes: The most memory that a rank has used.
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
        summary.add("mfu", total.utilization(peakRate: preparation.peakRate))
        summary.add("peak_gflops", preparation.peakRate / 1e9)
        summary.add("imbalance", total.imbalances.planned)
        summary.add("measured_imbalance", total.imbalances.measured)
        summary.add("peak_rss_bytes", peakBytes)
        for (name, value) in total.statistics.metrics { summary.add(name, value) }
        evaluation?.addSummary(to: &summary)
        return summary
    }
}
