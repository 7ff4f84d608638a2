/// Text as Python writes it, for digests that Python code computes over it.
enum PythonText {
    /// `str` of a dictionary that maps strings to strings, in this order.
    static func dictionary(_ entries: [(key: String, value: String)]) -> String {
        let texts = entries.map { "\(literal($0.key)): \(literal($0.value))" }
        return "{\(texts.joined(separator: ", "))}"
    }

    /// `repr` of a string: single quotes unless only these are in the text, and escapes of what is not printable.
    static func literal(_ text: String) -> String {
        let scalars = text.unicodeScalars
        let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
        return "\(quote)" + scalars.map { escaped($0, quote) }.joined() + "\(quote)"
    }

    private static func escaped(_ scalar: Unicode.Scalar, _ quote: Unicode.Scalar) -> String {
        switch scalar {
        case quote, "\\": "\\\(scalar)"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: isPrintable(scalar) ? String(scalar) : hexadecimal(scalar)
        }
    }

    /// Whether `str.isprintable` holds: neither a control, format, private or unassigned character nor a separator
    /// other than the space.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        let (mark, width) = scalar.value <= 0xFF ? ("x", 2) : scalar.value <= 0xFFFF ? ("u", 4) : ("U", 8)
        let digits = String(scalar.value, radix: 16)
        return "\\" + mark + String(repeating: "0", count: width - digits.count) + digits
    }
}
