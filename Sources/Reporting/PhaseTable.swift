package import Compute

/// The time of a rank's steps as a table: a line for each phase, and for each kind of work in it.
///
/// Seconds are per step, those of kinds of work averaged over the rank's threads; rates are of all its threads
/// together.
package struct PhaseTable {
    private let profile: Profile
    private let threads: Int
    private let steps: Double
    private let seconds: Double
    private let peakRate: Double

    /// A table of the steps under `profile`.
    ///
    /// - Parameters:
    ///   - threads: Threads of the rank.
    ///   - steps: Steps under the profile.
    ///   - seconds: What they took in all.
    ///   - peakRate: FLOP/s of this rank's registers.
    package init(_ profile: Profile, threads: Int, steps: Int, seconds: Double, peakRate: Double) {
        self.profile = profile
        self.threads = threads
        self.steps = Double(steps)
        self.seconds = seconds
        self.peakRate = peakRate
    }

    /// The table, with a newline after each line.
    package var text: String {
        let title = line("phase", ["s a step", "share", "GFLOP/s", "of peak", "GB/s"])
        let phases = profile.phases
        let outside = seconds - phases.reduce(0) { $0 + $1.seconds }
        let lines = phases.flatMap(lines) + [summary] + [line("outside phases", [time(outside), share(outside)])]
        return ([title] + lines).map { $0 + "\n" }.joined()
    }

    private func lines(of phase: Profile.PhaseCost) -> [String] {
        let idle = phase.idleSeconds / Double(threads)
        return [line(phase.name, [time(phase.seconds), share(phase.seconds)])]
            + phase.kinds.map { line("  \($0.kind)", cells($0.cost)) }
            // Time of a phase that no kind of work accounts for, if it is visible.
            + (idle > 0.001 * seconds ? [line("  waiting", [time(idle), share(idle)])] : [])
    }

    /// All matrix products: their share of the peak determines the speed of a step.
    private var summary: String {
        var products = Profile.Cost()
        for phase in profile.phases {
            for (kind, cost) in phase.kinds where kind == .product { products += cost }
        }
        return line("all products", cells(products))
    }

    private func cells(_ cost: Profile.Cost) -> [String] {
        let own = cost.seconds / Double(threads)
        let rate = Double(cost.flops) / own
        let bytes = rounded(Double(cost.bytes) / own / 1e9, 1)
        let products = cost.flops > 0 ? [rounded(rate / 1e9, 1), rounded(rate / peakRate, 3)] : ["", ""]
        return [time(own), share(own)] + products + [bytes]
    }

    private func time(_ value: Double) -> String { rounded(value / steps, 3) }

    private func share(_ value: Double) -> String { rounded(100 * value / seconds, 1) + " %" }

    private func line(_ title: String, _ cells: [String]) -> String {
        func gap(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) }
        return title + gap(title, 28) + cells.map { gap($0, 10) + $0 }.joined()
    }
}
