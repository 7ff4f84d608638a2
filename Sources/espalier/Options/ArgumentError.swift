internal import ArgumentParser
internal import Collectives
internal import Configuration
internal import Formats

/// The text of an error of the command line: the argument parser's, with a remedy for options and values of other
/// trainers and for options of other commands, and without values of any length.
struct ArgumentError {
    /// The message and the usage of the command.
    let text: String

    init(_ error: any Error) {
        let message = Espalier.message(for: error)
        let full = Espalier.fullMessage(for: error)
        guard !message.isEmpty else {
            text = full
            return
        }
        text = full.replacing(message, with: Self.completed(message), maxReplacements: 1)
    }

    /// Parses the options of another command.
    ///
    /// - Throws: `OptionRefusal` with the same text as on that command's own line.
    static func parse<Command: ParsableCommand>(_ command: Command.Type, _ arguments: [String]) throws -> Command {
        do {
            return try command.parse(arguments)
        } catch {
            throw OptionRefusal(description: completed(command.message(for: error)))
        }
    }

    /// The message with the remedy for an unknown option or an invalid value, if there is one.
    private static func completed(_ message: String) -> String {
        let quoted = message.split(separator: "'", omittingEmptySubsequences: false).map(String.init)
        if message.hasPrefix("Unexpected argument '"), quoted.count >= 3, let hint = subcommand(quoted[1]) {
            return "\(shortened(message)); \(hint)"
        }
        if message.hasPrefix("Unknown option '"), quoted.count >= 3 {
            let option = quoted[1]
            let own = message.hasSuffix("?") ? nil : owner(of: option)
            guard let remedy = ForeignSettings.remedy(for: option, in: .commandLine) ?? own else {
                return shortened(message)
            }
            return "Unknown option '\(option)'; \(remedy)"
        }
        // The value 'V' is invalid for '--option <option>'
        guard message.hasPrefix("The value '"), quoted.count >= 5, quoted[3].hasPrefix("--") else {
            return shortened(message)
        }
        let option = String(quoted[3].prefix { $0 != " " })
        guard let remedy = ForeignSettings.remedy(for: quoted[1], of: option, in: .commandLine) else {
            return shortened(message)
        }
        let sentence = shortened(message)
        return "\(sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence); \(remedy)"
    }

    /// The hint for a word in place of a subcommand; nil for an argument elsewhere.
    private static func subcommand(_ name: String) -> String? {
        guard CommandLine.arguments.dropFirst().first == name else { return nil }
        let others = ["prepare", "import-gguf"]
        if others.contains(name) { return "run espalier-\(name), a command of its own" }
        let known = Espalier.configuration.subcommands.map { $0._commandName }
        return nearest(to: name, among: known).map { "did you mean \($0)?" }
            ?? "the subcommands are \(known.joined(separator: ", "))"
    }

    /// The other commands that have an option.
    private static func owner(of option: String) -> String? {
        let commands = Espalier.configuration.subcommands.filter { command in
            Espalier.helpMessage(for: command, columns: 200).split { " \n,/[]".contains($0) }.contains(
                Substring(option)
            )
        }
        let names = commands.map { $0._commandName }.joined(separator: ", ")
        return names.isEmpty ? nil : "it is an option of \(names)"
    }

    /// The message with long quoted values shortened; newlines stay, which separate choices.
    private static func shortened(_ message: String) -> String {
        message.split(separator: "'", omittingEmptySubsequences: false).map { part in
            part.split(separator: "\n", omittingEmptySubsequences: false)
                .map { String($0).quotable() }.joined(separator: "\n")
        }.joined(separator: "'")
    }
}

/// Options that are passed on to another command are invalid.
struct OptionRefusal: Refusal, CustomStringConvertible {
    let description: String

    var isRefusal: Bool { true }
}
