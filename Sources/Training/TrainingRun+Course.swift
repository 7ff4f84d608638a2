internal import Collectives
internal import Preferences

extension TrainingRun {
    /// Writes a line of metrics about the steps since the last.
    func show(_ log: MetricsLog?, _ progress: ProgressLine) {
        let (step, window) = (state.step, state.window)
        let record = window.record(
            step: step,
            epoch: epoch(after: step),
            total: state.total,
            sharing: planner.sharing,
            peakRate: peakRate
        )
        log?.append(record)
        let rate = Double(state.total.pairs) / state.trainSeconds
        progress.show(share(step), details: window.details(step: step, of: totalSteps, pairsPerSecond: rate))
        state.closeWindow()
    }

    private func share(_ step: Int) -> Double { Double(step) / Double(totalSteps) }

    private func epoch(after step: Int) -> Double { Double(step) / Double(stepsPerEpoch) }

    /// Judges the model, and writes it where it is the best so far and to be kept.
    func evaluate(_ log: MetricsLog?, _ progress: ProgressLine) throws {
        guard let evaluation else { return }
        Progress.enter("evaluation")
        let (start, step) = (ContinuousClock().now, state.step)
        progress.finish()
        let outcome = try evaluation.run(step: step, epoch: epoch(after: step))
        log?.append(outcome.record)
        progress.show(share(step), details: "step \(step)/\(totalSteps)  \(outcome.details)")
        progress.finish()
        if outcome.isBest, evaluation.settings.loadBestModelAtEnd {
            try comparison.check(step: step)
            try communicator.agree { try output?.write(policy) }
        }
        state.evaluationSeconds += (ContinuousClock().now - start) / .seconds(1)
    }
}
