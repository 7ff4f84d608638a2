internal import Glibc

/// A progress line on standard error: redrawn on a terminal, plain lines elsewhere.
package final class ProgressLine {
    private let title: String
    private let isSilent: Bool
    private let start = ContinuousClock().now
    /// The fraction that was done before `start`.
    private let doneBefore: Double
    private var lastLine = ContinuousClock().now
    private var drawn = false

    /// Starts the line; ranks other than 0 print nothing.
    ///
    /// - Parameter doneBefore: The fraction of the work that is already done, as in a resumed run.
    package init(title: String, rank: Int, doneBefore: Double = 0) {
        (self.title, self.doneBefore) = (title, doneBefore)
        isSilent = rank != 0
    }

    /// Shows that `fraction` of the work is done, with `details` after the bar.
    ///
    /// - Parameter isMilestone: Whether the line is printed where lines cannot be redrawn; of the others one in 30
    ///   seconds is.
    package func show(_ fraction: Double, details: String, isMilestone: Bool = true) {
        guard !isSilent else { return }
        // Every time: the user may resize the terminal.
        let (now, columns) = (ContinuousClock().now, Terminal.errorColumns)
        guard columns != nil || isMilestone || now - lastLine > .seconds(30) else { return }
        lastLine = now
        let elapsed = (now - start) / .seconds(1)
        let left = Self.secondsLeft(elapsed: elapsed, from: doneBefore, to: fraction)
        if let columns {
            let line = Self.line(
                title: title,
                fraction: fraction,
                details: details,
                secondsLeft: left,
                width: columns
            )
            write("\r\u{1B}[K" + line)
            drawn = true
        } else {
            write("\(title): \(details)\(Self.left(left, after: ", "))\n")
        }
    }

    deinit {
        // An error message starts on a line of its own.
        finish()
    }

    /// Ends the line, so that the next output starts on a new one.
    package func finish() {
        if drawn { write("\n") }
        drawn = false
    }

    /// Formats a line of at most `width` columns: title, bar, details, time left.
    ///
    /// The bar shrinks first and is left out, then the last details.
    package static func line(
        title: String,
        fraction: Double,
        details: String,
        secondsLeft: Double,
        width: Int
    ) -> String {
        let left = left(secondsLeft, after: "  ")
        var parts = details.split(separator: "  ")
        var text: String { parts.joined(separator: "  ") + left }
        var isShortened = false
        while parts.count > 1, title.count + 1 + text.count >= width {
            parts.removeLast()
            isShortened = true
        }
        let barWidth = min(24, width - 1 - title.count - text.count - 4)
        guard barWidth >= 4, !isShortened else { return String("\(title) \(text)".prefix(max(width - 1, 0))) }
        let filled = min(barWidth, Int((fraction * Double(barWidth)).rounded(.down)))
        let bar = String(repeating: "━", count: filled) + String(repeating: "╌", count: barWidth - filled)
        return "\(title) \(bar)  \(text)"
    }

    /// The time left, after a separator; empty while it is unknown.
    private static func left(_ seconds: Double, after separator: String) -> String {
        seconds.isFinite ? "\(separator)\(duration(seconds)) left" : ""
    }

    /// The time that the rest of the work takes, if `elapsed` seconds took it from one fraction to another.
    package static func secondsLeft(elapsed: Double, from start: Double, to fraction: Double) -> Double {
        fraction > start ? elapsed * (1 - fraction) / (fraction - start) : .infinity
    }

    /// Formats a finite duration: `42s`, `3m05s`, `2h10m`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "?" }
        let whole = Int(seconds.rounded())
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60)m\(padded(whole % 60))s" }
        return "\(whole / 3600)h\(padded(whole / 60 % 60))m"
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
