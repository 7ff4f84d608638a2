internal import Foundation
internal import Reporting

/// A number with some significant digits, in powers of ten if it is very small or large; a dash if it is not finite.
func legible(_ value: Double, digits: Int = 4, unit: String = "") -> String {
    guard value.isFinite else { return "–" }
    let size = abs(value)
    guard size > 0 else { return "0\(unit)" }
    let text =
        switch size {
        case 1e7..., ..<1e-4: String(format: "%.\(digits - 1)g", size)
        default: rounded(size, max(0, min(4, digits - 1 - Int(log10(size).rounded(.down)))))
        }
    return (value < 0 ? "−" : "") + text + unit
}

/// A number within a sentence: three significant digits, without zeros at the end.
func brief(_ value: Double, unit: String = "") -> String {
    var text = legible(value, digits: 3)
    if text.contains("."), !text.contains("e") {
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
    }
    return text + unit
}

/// A count with thousands apart.
func whole(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return legible(value) }
    var digits = String(Int(value.magnitude.rounded()))
    var groups: [Substring] = []
    while digits.count > 3 {
        groups.insert(digits.suffix(3), at: 0)
        digits = String(digits.dropLast(3))
    }
    return (value < 0 ? "−" : "") + ([digits[...]] + groups).joined(separator: ",")
}

/// A duration, as the progress line has it; seconds if a file claims more than some years.
func timeText(_ seconds: Double) -> String {
    abs(seconds) < 1e9 ? ProgressLine.duration(seconds) : "\(legible(seconds)) s"
}
