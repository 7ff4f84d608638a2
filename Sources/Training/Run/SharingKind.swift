package import Preferences

/// What is computed once: the sharing modes, and further kinds of sharing to compare them with.
package enum SharingKind: String, CaseIterable, Sendable {
    /// Nothing.
    case none
    /// The prompt of an example.
    case prompt
    /// Every common prefix of an example's responses.
    case example
    /// The same, and prompts of a step that extend one another.
    case prefix
    /// The same, and prefixes that the prompts of a packed sequence have in common.
    case any
    /// The same as in a mode that shares prompts which extend one another, with their examples in one step.
    case grouped

    /// The sharing mode of this kind.
    ///
    /// - Parameter chosen: The mode of the run, which `grouped` keeps if it suits.
    func mode(_ chosen: Sharing) -> Sharing {
        switch self {
        case .none: return .none
        case .prompt: return .prompt
        case .example, .prefix: return .prefix
        case .any: return .any
        case .grouped: return chosen.joinsExamples ? chosen : .any
        }
    }

    /// The kind of sharing of a run.
    package init(_ mode: Sharing, groupsByPrompt: Bool) {
        guard !groupsByPrompt || !mode.joinsExamples else {
            self = .grouped
            return
        }
        switch mode {
        case .none: self = .none
        case .prompt: self = .prompt
        case .prefix: self = .prefix
        case .any: self = .any
        }
    }
}
