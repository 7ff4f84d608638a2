package import Collectives
package import Compute
internal import Formats
internal import Reporting
package import SystemPackage

/// Profiles the steps of a rank.
package final class StepProfile {
    private let profile: Profile
    private let team: ThreadTeam
    private var steps = 0
    private var seconds = 0.0

    /// A profile of the steps to come.
    ///
    /// - Parameter ranks: The number of ranks that share a trace, so that it stays small enough to open.
    package init(of team: ThreadTeam, ranks: Int = 1) {
        self.team = team
        profile = Profile(threads: team.count, spanLimit: 250_000 / ranks)
    }

    /// Runs one step under the profile.
    ///
    /// - Parameter report: Extracts the report from the result of the step.
    package func record<Outcome>(_ step: () throws -> Outcome, report: (Outcome) -> StepReport) rethrows -> Outcome {
        team.profile = profile
        defer { team.profile = nil }
        let outcome = try step()
        steps += 1
        seconds += report(outcome).seconds.total
        return outcome
    }

    /// The table of phases.
    ///
    /// - Parameter peakRate: The peak rate of this rank's registers in FLOP/s.
    package func table(peakRate: Double) -> String {
        PhaseTable(profile, threads: team.count, steps: steps, seconds: seconds, peakRate: peakRate).text
    }

    /// A Chrome trace of all ranks on rank 0, each a process whose clock starts with its profile; nil elsewhere.
    ///
    /// Collective.
    package func trace(_ communicator: any Communicator) throws -> String? {
        let events = profile.events(name: "rank \(communicator.rank)", process: communicator.rank)
        let bytes = Array(events.utf8)
        guard let counts = try communicator.gather([Double(bytes.count)].span, root: 0) else {
            try communicator.send(bytes.span, to: 0)
            return nil
        }
        var parts = [events]
        for rank in 1..<communicator.size {
            var received = [UInt8](repeating: 0, count: Int(counts[rank]))
            var span = received.mutableSpan
            try communicator.receive(&span, from: rank)
            parts.append(String(decoding: received, as: UTF8.self))
        }
        return Profile.traceStart + parts.joined(separator: ",\n") + Profile.traceEnd
    }

    /// Writes a Chrome trace of these profiles.
    package static func writeTrace(of profiles: [(name: String, profile: StepProfile)], to path: FilePath) throws {
        try AtomicFile.write(to: path) { file in
            var pending = ""
            try Profile.writeTrace(of: profiles.map { ($0.name, $0.profile.profile) }) { text in
                pending += text
                guard pending.utf8.count > 1 << 20 else { return }
                try file.append(pending)
                pending = ""
            }
            try file.append(pending)
        }
    }
}
