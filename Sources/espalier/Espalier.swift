internal import ArgumentParser
internal import Collectives
internal import Compute
internal import Foundation

@main
struct Espalier: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "espalier",
        abstract: "Tunes language models on preference data, computing shared prefixes once.",
        discussion: """
            Runs as one process or under mpirun. Tokenize the data first with espalier-prepare, a separate Python \
            command.

              espalier-prepare --model DIR --data pairs.jsonl --output train.safetensors
              mpirun -np 2 --bind-to none espalier train --model DIR \\
                  --data train.safetensors --output OUT

            Exit codes: 0 success; 1 failure (disk, host, non-finite loss); 64 invalid options, settings, model or \
            data; 75 stopped by a signal, with a checkpoint; 124 ended by the watchdog, without progress.
            """,
        subcommands: [
            Train.self, Evaluate.self, Logps.self, Plan.self, Bench.self, Scaling.self, Doctor.self, Launch.self,
        ]
    )

    static func main() {
        // First: a process with the wrong OpenBLAS core restarts with the right one. Not in commands that only start
        // ranks: their processors may differ, and they would inherit the environment.
        let starters = [Launch._commandName, Scaling._commandName]
        if !starters.contains(CommandLine.arguments.dropFirst().first ?? "") { OpenBLASCore.ensure() }
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            reportOnce(error)
        }
    }

    /// Exits with the error's message, printed by rank 0 only, since every rank parses the same arguments.
    private static func reportOnce(_ error: any Error) -> Never {
        if World.launcherRank ?? 0 == 0 { exit(withError: error) }
        // The launcher ends all ranks as soon as one fails: rank 0 needs a moment to print.
        if !(error is ExitCode) { sleep(1) }
        Foundation.exit(exitCode(for: error).rawValue)
    }
}
