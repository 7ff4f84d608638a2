internal import Collectives
internal import Objectives

extension TrainingRun {
    /// How often a run goes back before it gives up.
    private static let mostRollbacks = 10

    /// Goes back to the last checkpoint where loss or gradient norm of a step have leapt, and behind that step in the data.
    ///
    /// All that is decided comes from reduced values, and so is the same on every rank; where the run is killed afterwards
    /// and resumed from the same checkpoint, it comes to the same leap and goes back again, with the same bits.
    ///
    /// - Returns: Whether it has; not before the first checkpoint.
    /// - Throws: `RankFailure` on every rank where it has been done too often.
    func goBackIfSpiked(_ outcome: StepOutcome, _ log: inout MetricsLog?, _ progress: ProgressLine) throws -> Bool {
        let report = outcome.report
        // Without the flag no step is one, but a run that is resumed with it judges by these steps, too.
        let factor = configuration.saving.rollbackOnSpike ?? .infinity
        guard outcome.fault == nil, state.noteSpike(report, factor: factor) else { return false }
        progress.finish()
        saving.finishJob()
        let leap =
            "step \(state.step): loss \(rounded(report.statistics.mean(.loss), 4)), gradient norm "
            + "\(rounded(report.gradientNorm, 4)), more than \(factor) times a running median"
        guard let goal = try Resumption(last: saving.last, communicator: communicator) else {
            if communicator.rank == 0 { tell("warning: \(leap); no checkpoint to go back to, the run goes on") }
            return false
        }
        guard state.rollbacks < Self.mostRollbacks else {
            let error = TrainingError.spikes(step: state.step, rollbacks: state.rollbacks)
            throw RankFailure(rank: 0, error: error)
        }
        let from = state.step
        try goBack(to: goal)
        log = try communicator.agree { try startLog(from: goal) }
        var record = MetricsRecord()
        record.add("step", state.step)
        record.add("rollback_from_step", from)
        record.add("rollback_loss", report.statistics.mean(.loss))
        record.add("rollback_grad_norm", report.gradientNorm)
        record.add("rollbacks", state.rollbacks)
        log?.append(record)
        if communicator.rank == 0 {
            tell("warning: \(leap); back to step \(state.step), the rows of \(from - state.step) steps are passed over")
        }
        return true
    }

    /// Takes the checkpoint's place; the course stays where it is, behind the step that leapt.
    private func goBack(to goal: Resumption) throws {
        state = state.goingBack(to: goal.state.run)
        try takeUp(goal)
    }
}
