internal import Reporting

/// A median with minimum and maximum: `1.25 1.20–1.31`.
func spread(_ spread: SummaryStatistics, scale: Double = 1, _ decimals: Int) -> String {
    let (low, high) = (rounded(scale * spread.minimum, decimals), rounded(scale * spread.maximum, decimals))
    return "\(rounded(scale * spread.median, decimals)) \(low)–\(high)"
}

/// So many that three digits tell seconds, and no more than three.
func decimals(forSeconds seconds: Double) -> Int { seconds < 1 ? 3 : seconds < 10 ? 2 : 1 }

/// A number with its noun.
func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

/// A text at the left of a column, cut where it is longer.
func padded(_ text: String, _ width: Int) -> String {
    text.count < width ? text + String(repeating: " ", count: width - text.count) : text.prefix(width - 2) + "… "
}

/// A text at the right of a column.
func aligned(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.count)) + text
}
