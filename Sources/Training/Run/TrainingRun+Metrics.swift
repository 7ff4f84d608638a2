internal import Collectives
internal import Compute
internal import Configuration
internal import Preferences
internal import Reporting

extension TrainingRun {
    /// Writes a line of metrics for the steps since the last line.
    func show(_ log: MetricsLog?, _ progress: ProgressLine) {
        let (step, window) = (state.step, state.window)
        let record = window.record(
            step: step,
            epoch: schedule.epoch(after: step),
            total: state.total,
            sharing: planner.sharing,
            peakRate: preparation.peakRate.limit
        )
        log?.append(record)
        let rate = Double(state.total.pairs) / state.trainSeconds
        let details = window.details(step: step, of: schedule.totalSteps, pairsPerSecond: rate)
        progress.show(schedule.fraction(after: step), details: details)
        state.closeWindow()
    }

    /// Evaluates the model, and writes it if it is the best so far and is to be kept.
    func evaluate(_ log: MetricsLog?, _ progress: ProgressLine) throws {
        guard let evaluation else { return }
        Progress.enter("evaluation")
        let (began, step) = (ContinuousClock().now, state.step)
        progress.finish()
        let outcome = try evaluation.run(step: step, epoch: schedule.epoch(after: step))
        log?.append(outcome.record)
        progress.show(
            schedule.fraction(after: step),
            details: "step \(step)/\(schedule.totalSteps)  \(outcome.details)"
        )
        progress.finish()
        if outcome.isBest, evaluation.settings.loadBestModelAtEnd {
            try comparison.check(step: step)
            let weights = try trainedEntries()
            try communicator.agree { try output?.write(weights) }
        }
        state.evaluationSeconds += (ContinuousClock().now - began) / .seconds(1)
    }
}
