/// Which tokens that responses have in common are computed once.
package enum Sharing: String, CaseIterable, Sendable, Codable {
    /// One chain for each response: the prompt is computed for each again, as ordinary trainers do.
    case none
    /// One trunk, one branch for each response (Wang & Hegde 2024).
    case prompt
    /// A trie: also the tokens that responses have in common after the prompt, and prompts that continue one another.
    case prefix
}
