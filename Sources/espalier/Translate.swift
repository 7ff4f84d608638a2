internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats
internal import Reporting
internal import SystemPackage

struct Translate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Translates a DPO configuration of TRL or LLaMA-Factory, without training.",
        usage: "espalier translate FILE [<options>]",
        discussion: """
            Prints the settings of espalier train that learn the same, each with what it came from, and the \
            espalier-prepare commands for the data. A setting that changes what is learned and has no counterpart is an \
            error; one that cannot change it is named. train --config FILE translates in the same way, and then trains.

              espalier translate dpo.yaml --num-processes 8 --output train.yaml
            """
    )

    @Argument(
        help: "YAML file of TRL's DPOConfig or CPOConfig, of alignment-handbook, or of LLaMA-Factory's stage dpo."
    )
    var file: String

    @OptionGroup var options: TranslationOptions

    @Option(name: .long, help: "YAML file for the translated settings (default: standard output).")
    var output: String?

    func run() throws {
        let status = World.run { communicator in
            try communicator.agree {
                guard communicator.rank == 0 else { return }
                let yaml = try translated()
                guard let output else { return print(yaml, terminator: "") }
                var files = CommandFiles()
                files.read(FilePath(file), as: "FILE")
                files.write(result: FilePath(output), as: "--output")
                try files.check()
                try AtomicFile.write(to: FilePath(output)) { try $0.append(yaml) }
                printNotice("saved the settings to \(output)".printable())
            }
        }
        throw ExitCode(status)
    }

    private func translated() throws -> String {
        let path = FilePath(file)
        guard let translation = try options.translation(of: path, isExpected: true) else {
            // A file of this program, or neither: its own error says what is wrong.
            _ = try TrainingConfiguration(yaml: path)
            throw FormatError(
                path,
                "expected settings of TRL or LLaMA-Factory, found espalier's; train --config reads them"
            )
        }
        try translation.check()
        return translation.yaml
    }
}
