/// The losses by the names that TRL gives them.
package enum LossType: String, CaseIterable, Sendable {
    case sigmoid

    /// The objective of this name.
    ///
    /// - Throws: `ObjectiveError` for a setting out of range.
    package func objective(beta: Double, labelSmoothing: Double) throws -> any PairObjective {
        switch self {
        case .sigmoid: return try SigmoidObjective(beta: beta, labelSmoothing: labelSmoothing)
        }
    }
}

/// A setting of an objective is out of range.
package struct ObjectiveError: Error, CustomStringConvertible, Equatable {
    let setting: String
    let expected: String
    let found: String

    package var description: String { "\(setting) must be \(expected), found \(found)" }
}
