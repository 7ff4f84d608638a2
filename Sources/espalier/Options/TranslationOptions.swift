internal import ArgumentParser
internal import Configuration
internal import Formats
internal import SystemPackage

/// The option of commands that read another trainer's settings.
struct TranslationOptions: ParsableArguments {
    @Option(
        name: .long,
        help: """
            Processes that a file of TRL or LLaMA-Factory was made for; a step takes the batches of all (default: \
            num_processes of the file, or 1).
            """
    )
    var numProcesses: Int?

    /// The settings of another trainer's file; nil for none, and for a file of this program.
    ///
    /// - Parameter isExpected: Whether the command is for such files only; `--num-processes` says so too.
    func translation(of file: FilePath?, isExpected: Bool = false) throws -> Translation? {
        let option = "--num-processes"
        if let numProcesses, !(1...1 << 20).contains(numProcesses) {
            throw TrainingError.invalid(key: option, expected: "from 1 to 2^20", found: "\(numProcesses)")
        }
        let isExpected = isExpected || numProcesses != nil
        let translation = try file.flatMap { try Translation(of: $0, processes: numProcesses, isExpected: isExpected) }
        if numProcesses != nil, translation == nil {
            let found = file.map { "settings of espalier in \($0)" } ?? "no file"
            throw TrainingError.invalid(key: option, expected: "with a file of TRL or LLaMA-Factory", found: found)
        }
        return translation
    }
}
