internal import ArgumentParser
internal import Collectives
internal import Compute
internal import Foundation
internal import Reporting

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
            data; 74 standard output cannot be written; 75 stopped by a signal, with a checkpoint; 124 ended by the \
            watchdog, without progress.
            """,
        version: VersionPage.text,
        subcommands: [
            Train.self, Evaluate.self, Report.self, Generate.self, Logps.self, Plan.self, Inspect.self, Bench.self,
            Scaling.self, Doctor.self, Launch.self, Merge.self, Translate.self,
        ]
    )

    static func main() {
        StandardStreams.reserve()
        // Early: a process with the wrong OpenBLAS core restarts with the right one. Not in commands that only start
        // ranks: their processors may differ, and they would inherit the environment.
        let starters = [Launch._commandName, Scaling._commandName]
        if !starters.contains(CommandLine.arguments.dropFirst().first ?? "") { OpenBLASCore.ensure() }
        let status = run(joiningNegativeNumbers(Array(CommandLine.arguments.dropFirst())))
        Foundation.exit(StandardOutput.finish(status))
    }

    /// Runs the command.
    ///
    /// - Returns: Its exit code.
    private static func run(_ arguments: [String]) -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return 0
        } catch {
            let status = exitCode(for: error).rawValue
            // A command that has failed has reported its error.
            if !(error is ExitCode) { report(error, status) }
            return status
        }
    }

    /// Prints a request's page, or an error of the arguments: on rank 0 only, since every rank parses the same ones.
    private static func report(_ error: any Error, _ status: Int32) {
        guard World.launcherRank ?? 0 == 0 else {
            // The launcher ends all ranks as soon as one fails: rank 0 needs a moment to print.
            sleep(1)
            return
        }
        // A page, as of completions for a shell, has lines of any length.
        let text = status == 0 ? fullMessage(for: error) : ArgumentError(error).text
        if status == 0 { print(text) } else { printNotice(text) }
    }
}
