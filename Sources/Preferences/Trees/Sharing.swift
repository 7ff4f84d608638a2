/// The sharing mode: which common tokens of responses are computed once.
package enum Sharing: String, CaseIterable, Sendable, Codable {
    /// One chain per response: the prompt is recomputed for each response, as in other trainers.
    case none
    /// The prompt once, and one branch per response (Wang & Hegde 2024).
    case prompt
    /// A trie: also common prefixes of responses, and prompts that extend one another.
    case prefix
    /// The same, and prefixes that the prompts of a packed sequence have in common, such as a system message.
    case any

    /// Whether examples whose prompts extend one another form one tree.
    package var joinsExamples: Bool { self == .prefix || self == .any }
}
