internal import Formats
internal import Glibc
internal import SystemPackage

/// A command as words, in groups that belong together.
struct ShellCommand {
    var groups: [[String]]

    /// The command as a shell takes it, a group in each line.
    var text: String {
        groups.map { $0.map(Self.quoted).joined(separator: " ") }.joined(separator: " \\\n    ")
    }

    /// A word that a POSIX shell reads back as it is.
    static func quoted(_ word: String) -> String {
        let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || "_@%+=:,./-".contains($0) }
        guard !isPlain || word.isEmpty else { return word }
        // Inside single quotes nothing is special but the quote itself.
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    /// Becomes the command; returns only by throwing.
    ///
    /// - Throws: `FormatError` with the system's reason.
    func replaceProcess() throws {
        let words = groups.flatMap { $0 }
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execvp(words[0], arguments)
        let reason = String(cString: strerror(errno))
        throw FormatError(FilePath(words[0]), "cannot be started: \(reason); install it, or add its directory to PATH")
    }
}
