internal import Collectives
internal import Compute
internal import Formats
package import SystemPackage

/// Where the time of a rank's steps goes.
package final class StepProfile {
    private let profile: Profile
    private let team: ThreadTeam
    private var steps = 0
    private var seconds = 0.0

    /// A profile of steps to come.
    ///
    /// - Parameter ranks: Those that share a trace, so that it stays small enough to open.
    init(of team: ThreadTeam, ranks: Int = 1) {
        self.team = team
        profile = Profile(threads: team.count, spanLimit: 250_000 / ranks)
    }

    /// Runs one step under the profile.
    ///
    /// - Parameter report: The report in what the step gives.
    func record<Outcome>(_ step: () throws -> Outcome, report: (Outcome) -> StepReport) rethrows -> Outcome {
        team.profile = profile
        defer { team.profile = nil }
        let outcome = try step()
        steps += 1
        seconds += report(outcome).seconds.total
        return outcome
    }

    /// The table of phases.
    ///
    /// - Parameter peakRate: FLOP/s that this rank can reach.
    func table(peakRate: Double) -> String {
        PhaseTable(profile, threads: team.count, steps: steps, seconds: seconds, peakRate: peakRate).text
    }

    /// A Chrome trace of all ranks on rank 0, each a process on a clock that began with its profile; nil elsewhere.
    ///
    /// Every rank calls it.
    func trace(_ communicator: any Communicator) throws -> String? {
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
            var waiting = ""
            try Profile.writeTrace(of: profiles.map { ($0.name, $0.profile.profile) }) { text in
                waiting += text
                guard waiting.utf8.count > 1 << 20 else { return }
                try file.append(waiting)
                waiting = ""
            }
            try file.append(waiting)
        }
    }
}
