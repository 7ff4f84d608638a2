internal import Collectives
internal import Preferences
internal import Reporting

extension TrainingRun {
    /// Writes a line of metrics about the steps since the last.
    func show(_ log: MetricsLog?, _ progress: ProgressLine) {
        let (step, window) = (state.step, state.window)
        let record = window.record(
            step: step,
            epoch: schedule.epoch(after: step),
            total: state.total,
            sharing: planner.sharing,
            peakRate: preparation.peakRate
        )
        log?.append(record)
        let rate = Double(state.total.pairs) / state.trainSeconds
        let details = window.details(step: step, of: schedule.totalSteps, pairsPerSecond: rate)
        progress.show(schedule.share(after: step), details: details)
        state.closeWindow()
    }

    /// Judges the model, and writes it where it is the best so far and to be kept.
    func evaluate(_ log: MetricsLog?, _ progress: ProgressLine) throws {
        guard let evaluation else { return }
        Progress.enter("evaluation")
        let (began, step) = (ContinuousClock().now, state.step)
        progress.finish()
        let outcome = try evaluation.run(step: step, epoch: schedule.epoch(after: step))
        log?.append(outcome.record)
        progress.show(schedule.share(after: step), details: "step \(step)/\(schedule.totalSteps)  \(outcome.details)")
        progress.finish()
        if outcome.isBest, evaluation.settings.loadBestModelAtEnd {
            try comparison.check(step: step)
            try communicator.agree { try output?.write(policy) }
        }
        state.evaluationSeconds += (ContinuousClock().now - began) / .seconds(1)
    }
}
