internal import Collectives
internal import Compute
internal import Objectives
internal import Preferences

extension TrainingRun {
    /// What `summary.json` tells.
    ///
    /// Steps, their time and their metrics are those of the whole run, from whichever checkpoint it went on; what is told
    /// of starts, reference and saving is of this process.
    ///
    /// - Parameter peakBytes: The most memory that a rank has used.
    func summary(peakBytes: Int) -> MetricsRecord {
        let (total, seconds) = (state.total, state.trainSeconds)
        var summary = MetricsRecord()
        summary.add("steps", total.steps)
        summary.add("skipped_steps", total.skipped)
        summary.add("ranks", communicator.size)
        summary.add("threads", policy.team.count)
        summary.add("pairs", total.pairs)
        summary.add("startup_seconds", startupSeconds)
        summary.add("self_check_seconds", selfCheckSeconds)
        if let selfCheckDifference { summary.add("self_check_difference", selfCheckDifference) }
        summary.add("train_seconds", seconds)
        summary.add("eval_seconds", state.evaluationSeconds)
        summary.add("save_seconds", saving.stallSeconds)
        summary.add("reference_rows", referenceRows)
        summary.add("reference_seconds", referenceSeconds)
        summary.add("pairs_per_second", Double(total.pairs) / (seconds + referenceSeconds))
        summary.add("train_pairs_per_second", Double(total.pairs) / seconds)
        summary.add("sharing", planner.sharing.rawValue)
        summary.add("tokens_computed", total.tokensComputed)
        summary.add("tokens_unshared", total.tokensUnshared)
        summary.add("mfu", total.utilization(peakRate: peakRate))
        summary.add("peak_gflops", peakRate / 1e9)
        summary.add("peak_rss_bytes", peakBytes)
        for (name, value) in total.statistics.metrics { summary.add(name, value) }
        evaluation?.addSummary(to: &summary)
        return summary
    }
}
