internal import Reporting

/// The median with minimum and maximum: `1.25 1.20–1.31`.
func medianAndRange(_ values: SummaryStatistics, scale: Double = 1, _ decimals: Int) -> String {
    let (low, high) = (rounded(scale * values.minimum, decimals), rounded(scale * values.maximum, decimals))
    return "\(rounded(scale * values.median, decimals)) \(low)–\(high)"
}

/// The number of decimals that shows three significant digits of seconds, at most three.
func decimals(forSeconds seconds: Double) -> Int { seconds < 1 ? 3 : seconds < 10 ? 2 : 1 }

/// Left-aligns a text in a column, and truncates it if it is longer.
func padded(_ text: String, _ width: Int) -> String {
    text.count < width ? text + String(repeating: " ", count: width - text.count) : text.prefix(width - 2) + "… "
}

/// Right-aligns a text in a column.
func aligned(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
}
