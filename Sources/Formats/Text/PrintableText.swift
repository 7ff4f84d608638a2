extension String {
    /// The text as one line that is safe to print: control and format characters escaped, long text shortened in its
    /// middle.
    ///
    /// Untrusted names from files appear in messages and tables.
    ///
    /// - Parameter limit: The number of characters that are kept, three quarters of them at the start.
    package func printable(limit: Int = 2000) -> String {
        var result = ""
        for scalar in shortened(limit).unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The text as a value in a message: printable, of at most 200 characters.
    package func quotable() -> String { printable(limit: 200) }

    private func shortened(_ limit: Int) -> String {
        let (head, tail) = (limit - limit / 4, limit / 4)
        guard utf8.count > head + tail else { return self }
        let count = unicodeScalars.count
        guard count > head + tail else { return self }
        let (start, end) = (Substring(unicodeScalars.prefix(head)), Substring(unicodeScalars.suffix(tail)))
        return "\(start) … \(count - head - tail) characters … \(end)"
    }
}
