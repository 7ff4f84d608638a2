/// The lengths of a conversation whose turns are examples of their own: the prompt of each turn is that of the turn
/// before, its best response, and further tokens.
///
/// A conversation of one turn is an ordinary example.
package struct ConversationLengths: Sendable, Equatable {
    /// Turns, at least 1.
    package let turns: Int
    /// Tokens of the last turn's prompt; those of turn `t` from 0 are `promptTokens (t + 1) / turns`.
    package let promptTokens: Int
    /// Responses of each turn, at least 2.
    package let responses: Int
    /// Tokens of each response, at least 1.
    package let responseTokens: Int

    /// A conversation of these lengths.
    ///
    /// - Parameter promptTokens: At least `turns`, and with several turns more than `turns * responseTokens`, so that a
    ///   prompt has further tokens after each best response.
    package init(turns: Int = 1, promptTokens: Int, responses: Int, responseTokens: Int) {
        precondition(turns >= 1 && responses >= 2 && responseTokens >= 1, "turns with two or more responses")
        precondition(
            promptTokens >= Self.leastPromptTokens(turns: turns, responseTokens: responseTokens),
            "a prompt has tokens of its own in each turn"
        )
        self.turns = turns
        self.promptTokens = promptTokens
        self.responses = responses
        self.responseTokens = responseTokens
    }

    /// The fewest tokens of the last prompt of such a conversation.
    package static func leastPromptTokens(turns: Int, responseTokens: Int) -> Int {
        turns == 1 ? 1 : turns * (responseTokens + 1)
    }

    /// The tokens of the prompt of a turn, counted from 0.
    package func prompt(ofTurn turn: Int) -> Int { promptTokens * (turn + 1) / turns }

    /// The leaves of the conversation's tree: a best response of an earlier turn is part of the next prompt.
    package var leaves: Int { turns * (responses - 1) + 1 }
    /// The tokens of the tree in which everything common is computed once.
    package var treeTokens: Int { promptTokens + leaves * responseTokens }
}
