internal import Preferences

/// The sharing modes of a benchmark.
package enum BenchmarkSharing: String, CaseIterable, Sendable {
    /// No sharing: one chain for each response.
    case none
    /// The prompt is shared: one trunk, and one branch for each response.
    case prompt
    /// Every common prefix of the responses to a prompt is shared, and prompts that extend one another.
    case prefix
    /// The same, and prefixes that the prompts of a packed sequence have in common.
    case any
    /// One trunk for each pair: every pair is a separate example with its prompt.
    case pairs

    /// The sharing mode of the examples that are measured.
    var mode: Sharing {
        switch self {
        case .none: return .none
        case .prompt, .pairs: return .prompt
        case .prefix: return .prefix
        case .any: return .any
        }
    }
}
