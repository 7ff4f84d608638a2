internal import Collectives
package import Compute

extension ThreadTeam {
    /// A team whose work counts as progress, part by part: one packed sequence may take longer than the watchdog waits.
    package static func reporting(count: Int) -> ThreadTeam {
        let team = ThreadTeam.start(count: count)
        team.onProgress = { Progress.move() }
        return team
    }
}
