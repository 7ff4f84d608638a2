/// The number of tokens of one example's prompt and responses.
package struct ExampleLengths: Sendable, Equatable {
    /// Tokens of the prompt, at least 1.
    package let prompt: Int
    /// Tokens of each response, at least 1 each.
    package let responses: [Int]

    /// A prompt and responses of these lengths.
    package init(prompt: Int, responses: [Int]) {
        precondition(prompt > 0 && responses.count >= 2 && responses.allSatisfy { $0 > 0 }, "two or more responses")
        self.prompt = prompt
        self.responses = responses
    }

    /// An example whose tree, with a shared prompt, has exactly `treeTokens` tokens, half of them in the prompt.
    ///
    /// - Parameter treeTokens: At least twice `responses`; if the other half does not divide evenly, the first
    ///   responses are longer by one token.
    package static func uniform(treeTokens: Int, responses: Int) -> ExampleLengths {
        precondition(treeTokens >= 2 * responses, "a token for each response")
        let prompt = treeTokens / 2
        let rest = treeTokens - prompt
        return ExampleLengths(
            prompt: prompt,
            responses: (0..<responses).map { rest / responses + ($0 < rest % responses ? 1 : 0) }
        )
    }
}
