internal import Preferences

/// What a benchmark computes once.
package enum BenchmarkSharing: String, CaseIterable, Sendable {
    /// Nothing: one chain for each response.
    case none
    /// One trunk, one branch for each response.
    case prompt
    /// Whatever the responses to a prompt have in common.
    case prefix
    /// One trunk for each pair: every pair is a row of its own, and with it its prompt and the best response.
    case pairs

    /// How a row's tree is grown.
    var withinRow: Sharing {
        switch self {
        case .none: return .none
        case .prompt, .pairs: return .prompt
        case .prefix: return .prefix
        }
    }
}
