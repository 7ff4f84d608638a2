/// A number in a study that no run reaches.
struct ScalingStudyFault: Error, CustomStringConvertible {
    let description: String
}

extension ScalingStudy {
    /// Checks that every number is possible, so that no result overflows or is undefined.
    ///
    /// - Throws: `ScalingStudyFault` for the first invalid number.
    func checkRanges() throws {
        guard !runs.isEmpty else { throw ScalingStudyFault(description: "expected a run, found none") }
        try check("rows", rows, in: 1...1 << 20)
        try check("parameters", subject.parameters, in: 1...1 << 50)
        try check("gradient_bytes", subject.gradientBytes, in: 1...1 << 50)
        try check("row_tokens", subject.rowTokens, in: 1...1 << 50)
        try check("threads", subject.threads, in: 1...1 << 20)
        for (index, run) in runs.enumerated() {
            do {
                try run.checkRanges()
            } catch let fault as ScalingStudyFault {
                throw ScalingStudyFault(description: "run \(index + 1): \(fault)")
            }
        }
    }
}

extension ScalingRun {
    fileprivate func checkRanges() throws {
        try check("ranks", ranks, in: 1...1 << 16)
        try check("turn", turn, in: 1...1 << 20)
        try check("pairs", pairs, in: 1...1 << 32)
        try check("tokens_computed", tokens, in: 1...1 << 50)
        try check("peak_gflops", peakGflops, in: 1e-9...1e12)
        try check("flops", flops, in: 1...1e30)
        try check("imbalance", plannedImbalance, in: 0...1e6)
        guard !steps.isEmpty else { throw ScalingStudyFault(description: "expected a step, found none") }
        for step in steps {
            let (shortest, longest) = (1e-9, 1e9)
            try check("step_seconds", step.seconds, in: shortest...longest)
            try check("compute_seconds", step.compute, in: shortest...longest)
            try check("communication_seconds", step.communication, in: 0...longest)
            try check("exposed_communication_seconds", step.exposed ?? 0, in: 0...longest)
            try check("measured_imbalance", step.imbalance, in: 0...1e6)
            try check("rank_spread", step.spread, in: 0...1e6)
        }
    }
}

private func check<Value: Comparable>(_ name: String, _ value: Value, in range: ClosedRange<Value>) throws {
    guard range.contains(value) else {
        let expected = "\(name): expected from \(range.lowerBound) to \(range.upperBound), found \(value)"
        throw ScalingStudyFault(description: expected)
    }
}
