internal import Preferences
internal import Testing

struct TreeDrawingTests {
    /// The tree of a dataset's only example.
    private func picture(
        _ prompt: [Int32],
        _ responses: [[Int32]],
        _ sharing: Sharing,
        width: Int = 100
    ) throws -> String {
        let dataset = try PreferenceDataset([PreferenceExample(prompt, responses)])
        return drawing(of: PackedSequence([TokenTree(dataset, example: 0, sharing: sharing)]), tree: 0, width: width)
    }

    @Test("a trie is drawn with its forks, and each response is marked where it ends")
    func trie() throws {
        let picture = try picture([7, 8], [[1, 2, 3], [1, 2, 4, 5], [1, 2], [6]], .prefix)
        #expect(
            picture == """
                example 0: 4 responses to a prompt of 2 tokens; 8 tokens computed, 18 without sharing
                └─ 2 tokens, positions 0–1, shared by 4 responses
                   ├─ 2 tokens, positions 2–3, shared by 3 responses  ● response 3
                   │  ├─ 1 token, position 4  ● response 1 (best)
                   │  └─ 2 tokens, positions 4–5  ● response 2
                   └─ 1 token, position 2  ● response 4
                """
        )
    }

    @Test("with the prompt shared, each response is a branch of the prompt")
    func trunk() throws {
        let picture = try picture([7, 8], [[1, 2, 3], [1, 4]], .prompt)
        #expect(
            picture == """
                example 0: 2 responses to a prompt of 2 tokens; 7 tokens computed, 9 without sharing
                └─ 2 tokens, positions 0–1, shared by 2 responses
                   ├─ 3 tokens, positions 2–4  ● response 1 (best)
                   └─ 2 tokens, positions 2–3  ● response 2
                """
        )
    }

    @Test("without sharing, each response is a chain of its own")
    func chains() throws {
        let picture = try picture([7], [[1, 2, 3], [4]], .none)
        #expect(
            picture == """
                example 0: 2 responses to a prompt of 1 token; 6 tokens computed, 6 without sharing
                ├─ 4 tokens, positions 0–3  ● response 1 (best)
                └─ 2 tokens, positions 0–1  ● response 2
                """
        )
    }

    @Test("equal responses are marked on one node of a trie, best first")
    func equalResponses() throws {
        let picture = try picture([7], [[1], [2], [1]], .prefix)
        #expect(
            picture == """
                example 0: 3 responses to a prompt of 1 token; 3 tokens computed, 6 without sharing
                └─ 1 token, position 0, shared by 3 responses
                   ├─ 1 token, position 1, shared by 2 responses  ● response 1 (best)  ● response 3
                   └─ 1 token, position 1  ● response 2
                """
        )
    }

    @Test("equal responses of one token are marked on a branch each if only the prompt is shared")
    func equalBranches() throws {
        let picture = try picture([7], [[1, 2], [1], [1]], .prompt)
        #expect(
            picture == """
                example 0: 3 responses to a prompt of 1 token; 5 tokens computed, 7 without sharing
                └─ 1 token, position 0, shared by 3 responses
                   ├─ 2 tokens, positions 1–2  ● response 1 (best)
                   ├─ 1 token, position 1  ● response 2
                   └─ 1 token, position 1  ● response 3
                """
        )
    }

    @Test("a tree that is not the first of its packed sequence is drawn alone")
    func laterTree() throws {
        let rows = [PreferenceExample([1, 2], [[3], [4]]), PreferenceExample([5], [[6, 6, 6], [6]])]
        let dataset = try PreferenceDataset(rows)
        let packed = PackedSequence([0, 1].map { TokenTree(dataset, example: $0, sharing: .prefix) })
        #expect(
            drawing(of: packed, tree: 1, width: 100) == """
                example 1: 2 responses to a prompt of 1 token; 4 tokens computed, 6 without sharing
                └─ 2 tokens, positions 0–1, shared by 2 responses  ● response 2
                   └─ 2 tokens, positions 2–3  ● response 1 (best)
                """
        )
    }

    @Test("no line is wider than the terminal, and truncation is marked", arguments: [1, 2, 20, 60, 79, 80, 1000])
    func width(_ width: Int) throws {
        let whole = try picture([7, 8], [[1, 2, 3], [1, 2, 4, 5], [1, 2], [6]], .prefix, width: 1000)
        let cut = try picture([7, 8], [[1, 2, 3], [1, 2, 4, 5], [1, 2], [6]], .prefix, width: width)
        let lines = cut.split(separator: "\n", omittingEmptySubsequences: false)
        let wholeLines = whole.split(separator: "\n")
        #expect(lines.count == wholeLines.count && lines.count == 6)
        for (line, whole) in zip(lines, wholeLines) {
            #expect(line == (whole.count <= width ? whole : whole.prefix(width - 1) + "…"))
        }
    }

    @Test("a tree far deeper than the terminal is wide is drawn, truncated at its width")
    func deep() throws {
        // Response n is n ones and a two: a fork at every depth.
        let responses = (0..<200).map { Array(repeating: Int32(1), count: $0) + [2] }
        let lines = try picture([7], responses, .prefix, width: 40).split(separator: "\n")
        #expect(lines.count == 1 + 399 && lines.allSatisfy { $0.count <= 40 })
    }

    @Test("every response of random trees is marked once, at its depth", arguments: Sharing.allCases)
    func everyResponseOnce(sharing: Sharing) throws {
        let rows = randomExamples(60, seed: 11)
        let dataset = try PreferenceDataset(rows)
        let packed = PackedSequence(rows.indices.map { TokenTree(dataset, example: $0, sharing: sharing) })
        var marks = 0
        for (index, row) in rows.enumerated() {
            let lines = drawing(of: packed, tree: index, width: 500).split(separator: "\n")
            #expect(lines[0].hasSuffix(" \(dataset.unsharedTokens(of: index)) without sharing"))
            for (rank, response) in row.responses.enumerated() {
                let mark = "● response \(rank + 1)"
                let marked = lines.filter { $0.contains(mark) }
                #expect(marked.count == 1)
                // The node's last position is that of the response's last token.
                let position = row.prompt.count + response.count - 1
                let positions = marked[0].split(separator: "position")[1].prefix { !",●".contains($0) }
                #expect(positions.split { !$0.isNumber }.last.map { Int($0) } == position)
                marks += marked.count
            }
        }
        #expect(marks == dataset.responseCount && marks > 150)
    }
}
