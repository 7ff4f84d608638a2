internal import Foundation

/// Formats a number with a fixed count of decimals.
package func rounded(_ value: Double, _ decimals: Int) -> String {
    // NaN without the sign that processors give it.
    value.isNaN ? "nan" : String(format: "%.\(decimals)f", value)
}

/// A number and its noun, in singular or plural.
package func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
