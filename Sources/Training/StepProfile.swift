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
    init(of team: ThreadTeam) {
        self.team = team
        profile = Profile(members: team.count)
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
        PhaseTable(profile, members: team.count, steps: steps, seconds: seconds, peakRate: peakRate).text
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
