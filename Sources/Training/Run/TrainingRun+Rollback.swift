internal import Collectives
internal import Configuration
internal import Objectives
internal import Reporting

extension TrainingRun {
    /// The number of rollbacks after which a run ends.
    private static let mostRollbacks = 10

    /// Rolls back to the last checkpoint if the loss or gradient norm of a step spiked, and skips the data up to that
    /// step.
    ///
    /// The decision depends on reduced values alone, so that it is the same on every rank. A run that is killed
    /// afterwards and resumed from the same checkpoint reaches the same spike, and rolls back again with the same bits.
    ///
    /// - Returns: Whether the run rolled back; never before the first checkpoint.
    /// - Throws: `RankFailure` on every rank after too many rollbacks.
    func rollBackAfterSpike(_ outcome: StepOutcome, _ log: inout MetricsLog?, _ progress: ProgressLine) throws -> Bool {
        let report = outcome.report
        // Without the setting no step is a spike, but a run that resumes with it compares with these steps too.
        let factor = configuration.saving.rollbackOnSpike ?? .infinity
        guard outcome.fault == nil, state.noteSpike(report, factor: factor) else { return false }
        progress.finish()
        saving.finishJob()
        let spike =
            "step \(state.step): loss \(rounded(report.statistics.mean(.loss), 4)), gradient norm "
            + "\(rounded(report.gradientNorm, 4)), more than \(factor) times a running median"
        guard let checkpoint = try Resumption.last(written: saving.last, communicator: communicator) else {
            if communicator.rank == 0 {
                printNotice("warning: \(spike); no checkpoint to roll back to, the run continues")
            }
            return false
        }
        guard state.rollbacks < Self.mostRollbacks else {
            let error = TrainingError.spikes(step: state.step, rollbacks: state.rollbacks)
            throw RankFailure(rank: 0, error: error)
        }
        let from = state.step
        try rollBack(to: checkpoint)
        log = try communicator.agree { try startLog(from: checkpoint) }
        var record = MetricsRecord()
        record.add("step", state.step)
        record.add("rollback_from_step", from)
        record.add("rollback_loss", report.statistics.mean(.loss))
        record.add("rollback_grad_norm", report.gradientNorm)
        record.add("rollbacks", state.rollbacks)
        log?.append(record)
        if communicator.rank == 0 {
            let skipped = "the examples of \(from - state.step) steps are skipped"
            printNotice("warning: \(spike); rolled back to step \(state.step), \(skipped)")
        }
        return true
    }

    /// Restores the checkpoint; the schedule stays at the step after the spike.
    private func rollBack(to checkpoint: Resumption) throws {
        state = state.rolledBack(to: checkpoint.state.run)
        try restore(checkpoint)
    }
}
