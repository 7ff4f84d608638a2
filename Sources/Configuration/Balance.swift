/// How a step's work is divided over ranks.
package enum Balance: String, CaseIterable, Sendable, Codable {
    /// Equal parts for all ranks.
    case planned
    /// Parts proportional to measured speeds, for hosts of different speeds.
    case measured
}
