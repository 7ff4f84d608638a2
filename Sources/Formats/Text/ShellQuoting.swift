extension String {
    /// The word in the syntax of a POSIX shell, in quotes if it has other characters than those of plain words.
    package var shellQuoted: String {
        let isPlain = allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || "_@%+=:,./-".contains($0) }
        guard !isPlain || isEmpty else { return self }
        // Only the quote itself is special inside single quotes.
        return "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
