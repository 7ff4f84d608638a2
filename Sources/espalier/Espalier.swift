internal import ArgumentParser
internal import Collectives
internal import Compute
internal import Foundation

@main
struct Espalier: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "espalier",
        abstract: "Tunes language models on preferences, computing every shared prefix once.",
        discussion: """
            Runs alone or under mpirun; prepare data with espalier-prepare first.

              mpirun -np 2 --bind-to none espalier train --model DIR --data train.safetensors --output OUT
            """,
        subcommands: [
            Train.self, Evaluate.self, Logps.self, Plan.self, Bench.self, Scaling.self, Doctor.self, Launch.self,
        ]
    )

    static func main() {
        // Before anything else: a process that runs on the wrong kernels starts anew with the right ones.
        // Not where it only starts ranks: their processors may be others, and what is set here would reach them.
        let starters = [Launch._commandName, Scaling._commandName]
        if !starters.contains(CommandLine.arguments.dropFirst().first ?? "") { OpenBLASCore.ensure() }
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            reportOnce(error)
        }
    }

    /// Ends the process with the error's message, printed by the first rank alone: each rank parses the same words.
    private static func reportOnce(_ error: any Error) -> Never {
        if World.launcherRank ?? 0 == 0 { exit(withError: error) }
        // The launcher ends all ranks as soon as one fails: the first needs a moment to print.
        if !(error is ExitCode) { sleep(1) }
        Foundation.exit(exitCode(for: error).rawValue)
    }
}
