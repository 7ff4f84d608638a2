extension String {
    /// The text as one line that is safe to print: control and format characters escaped, long text shortened in its
    /// middle.
    ///
    /// Untrusted names from files appear in messages and tables.
    package func printable() -> String {
        var result = ""
        for scalar in shortened().unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private func shortened() -> String {
        let (head, tail) = (1500, 500)
        guard utf8.count > head + tail else { return self }
        let count = unicodeScalars.count
        guard count > head + tail else { return self }
        let (start, end) = (Substring(unicodeScalars.prefix(head)), Substring(unicodeScalars.suffix(tail)))
        return "\(start) … \(count - head - tail) characters … \(end)"
    }
}
