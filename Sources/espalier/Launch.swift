internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Foundation
internal import Reporting
internal import SystemPackage

struct Launch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts another subcommand on all ranks of a cluster that a file describes.",
        discussion: """
            Prints the command of mpirun or srun on standard error, then becomes it. Ranks and threads follow from the \
            cores and NUMA domains of this host, its CPU quota and the number of ranks in the file, unless the file \
            describes other hosts. After -- follows a subcommand of espalier with its options, without --threads, whose \
            options and settings are checked first. cluster-configs/README.md explains the file.

            Ctrl-C reaches mpirun, which kills the ranks about a second later. To save first, send SIGUSR1 to this \
            process, or start it by launch/supervise, which does so on Ctrl-C.

              espalier launch --cluster cluster-configs/laptop.yaml -- \\
                  train --config train.yaml
            """
    )

    @Option(name: .long, help: "YAML file that describes the cluster, such as those in cluster-configs.")
    var cluster: String

    @Option(name: .long, help: ArgumentHelp("Host of the file to exclude. Repeatable.", valueName: "host"))
    var without: [String] = []

    @Flag(name: .long, help: "Print the command to standard output without running it.")
    var dryRun = false

    @Flag(name: .long, help: "Print the names of the hosts without starting anything.")
    var listHosts = false

    @Option(name: .long, help: ArgumentHelp("Directory that contains /sys and /proc.", visibility: .hidden))
    var systemRoot = "/"

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("The subcommand and its arguments, after --.", valueName: "arguments")
    )
    var arguments: [String] = []

    func run() throws {
        let status = World.run { _ in
            guard !World.isLaunched else {
                throw TrainingError.invalid(key: "launch", expected: "started outside of MPI", found: "a rank of MPI")
            }
            let launcher = try RankLauncher(
                FilePath(cluster),
                root: FilePath(systemRoot),
                variables: ProcessInfo.processInfo.environment,
                absent: without
            )
            if listHosts { return print(try launcher.hosts().joined(separator: "\n")) }
            let command = try launcher.command(
                program: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
                arguments: try checkedArguments(),
                isRoot: getuid() == 0
            )
            // Not on standard output, which belongs to the subcommand.
            launcher.remarks.forEach(printNotice)
            if dryRun { return print(command.text) }
            FileHandle.standardError.write(Data((command.text + "\n").utf8))
            try command.replaceProcess()
        }
        throw ExitCode(status)
    }

    /// The arguments after `--`: a subcommand and its options, without those that the cluster file sets.
    private func checkedArguments() throws -> [String] {
        // Those that start ranks themselves, and those that compute nothing on ranks and have no threads.
        let others = [Self._commandName, Scaling._commandName, Report._commandName, Translate._commandName]
        let subcommands = Espalier.configuration.subcommands.filter { !others.contains($0._commandName) }
        let known = subcommands.map { $0._commandName }
        let name = arguments.first ?? ""
        guard let subcommand = subcommands.first(where: { $0._commandName == name }) else {
            let hint = nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
            let expected = "one of \(known.joined(separator: ", "))"
            let found = name.isEmpty ? "nothing" : name + hint
            throw TrainingError.invalid(key: "the argument after --", expected: expected, found: found)
        }
        guard !arguments.contains(where: { $0 == "--threads" || $0.hasPrefix("--threads=") }) else {
            let expected = "omitted, since \(cluster) sets it"
            throw TrainingError.invalid(key: "--threads", expected: expected, found: "--threads after --")
        }
        try checkSettings(subcommand)
        return arguments
    }

    /// Checks the options and settings of the subcommand here, where an error is reported once and without starting ranks.
    private func checkSettings(_ subcommand: any ParsableCommand.Type) throws {
        let options = Array(arguments.dropFirst())
        guard !options.contains(where: ["-h", "--help"].contains) else { return }
        let command = try ArgumentError.parse(subcommand, joiningNegativeNumbers(options))
        guard let command = command as? any ConfiguredCommand else { return }
        // The file may be on the hosts only.
        if let file = command.shared.configurationFile, !FileManager.default.fileExists(atPath: file) { return }
        try command.checkSettings()
    }
}
