/// A number in a checkpoint's state that no run reaches.
package struct CheckpointStateFault: Error, CustomStringConvertible, Equatable {
    package let description: String
}

extension CheckpointState {
    /// Checks the counters that a run continues: none overflows, and none contradicts another.
    ///
    /// - Throws: `CheckpointStateFault` for the first invalid one.
    func checkRanges() throws {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
            guard range.contains(value) else {
                let expected = "\(name): expected from \(range.lowerBound) to \(range.upperBound), found \(value)"
                throw CheckpointStateFault(description: expected + "; resume from another checkpoint")
            }
        }
        // Beyond any run, and far from overflow.
        let most = 1 << 53
        try check("step", run.step, 0...most)
        try check("rollbacks", run.rollbacks, 0...most)
        try check("passedOver", run.skippedBatches, 0...most)
        var first = 0
        for (index, start) in (history?.earlier ?? []).enumerated() {
            try check("history.earlier[\(index)].last_step", start.lastStep, first...max(first, run.step))
            first = start.lastStep
        }
        try check("total.steps", run.total.steps, run.step...run.step)
        for (name, report) in [("total", run.total), ("window", run.window)] {
            try check("\(name).steps", report.steps, 0...run.step)
            try check("\(name).skipped", report.skipped, 0...report.steps)
            try check("\(name).tokensComputed", report.tokensComputed, 0...most)
            try check("\(name).tokensUnshared", report.tokensUnshared, 0...most)
        }
        try check("skippedInRow", run.skippedInRow, 0...run.total.skipped)
        guard let evaluation else { return }
        try check("evaluation.count", evaluation.count, 0...most)
        try check("evaluation.memory.withoutImprovement", evaluation.memory.withoutImprovement, 0...evaluation.count)
        if let best = evaluation.memory.best { try check("evaluation.memory.best.step", best.step, 0...run.step) }
    }
}
