internal import Foundation

/// Formats a number with a fixed count of decimals.
package func rounded(_ value: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
}
