internal import Formats
internal import Foundation
internal import Glibc
internal import SystemPackage

/// A command as words, in groups of related words.
struct ShellCommand {
    var groups: [[String]]

    /// The command in shell syntax, one group per line.
    var text: String {
        groups.map { $0.map(\.shellQuoted).joined(separator: " ") }.joined(separator: " \\\n    ")
    }

    /// Replaces this process by the command; returns only by throwing.
    ///
    /// - Throws: `FormatError` with the system's reason.
    func replaceProcess() throws {
        let words = groups.flatMap { $0 }
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execvp(words[0], arguments)
        throw Self.failure(words[0], errno)
    }

    /// Runs the command and waits for it, in the same process group, so that it receives a terminal's signals too.
    ///
    /// - Parameter errors: A file for the command's standard error; its standard output is discarded.
    /// - Returns: Its exit code, or 128 plus the number of the signal that ended it.
    /// - Throws: `FormatError` with the system's reason if it cannot be started.
    func run(errors: FilePath) throws -> Int32 {
        let words = groups.flatMap { $0 }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        let creation = O_WRONLY | O_CREAT | O_TRUNC
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.string, creation, 0o600)
        let variables = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        let environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, words[0], &actions, nil, arguments, environment)
        guard code == 0 else { throw Self.failure(words[0], code) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw Self.failure(words[0], errno) }
        }
        // The layout of <sys/wait.h>: the signal's number in the lowest bits, or the exit code in the bits above.
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    private static func failure(_ program: String, _ code: Int32) -> FormatError {
        let reason = String(cString: strerror(code))
        return FormatError(FilePath(program), "cannot be started: \(reason); install it, or add its directory to PATH")
    }
}
