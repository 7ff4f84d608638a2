internal import Collectives
package import Compute

extension ThreadTeam {
    /// A team whose work counts as progress, part by part: one packed sequence may take longer than the watchdog waits.
    ///
    /// - Throws: `ThreadError` if the system refuses a thread.
    package static func reporting(count: Int) throws -> ThreadTeam {
        let team = try ThreadTeam.tryStart(count: count)
        team.onProgress = { Progress.move() }
        return team
    }
}
