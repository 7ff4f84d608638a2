internal import Foundation

/// A number for people, with a fixed count of decimals.
package func rounded(_ value: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
}
