internal import Preferences
internal import Testing

/// Synthetic examples have the specified lengths, and share nothing but their prompt.
struct LengthProfileTests {
    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    @Test("lengths and ratios have the paper's medians", arguments: LengthProfile.all)
    func medians(profile: LengthProfile) {
        let rows = profile.examples(20_001, responses: 2, longest: 1 << 20, seed: 11)
        // A median over n examples deviates by 1.25 * 0.4 / sqrt(n): 0.4 %. Five of that, and rounding.
        let lengths = rows.flatMap { row in row.responses.map { Double(row.prompt + $0) } }
        #expect(abs(median(lengths) / profile.overallLength - 1) < 0.025)
        let ratios = rows.flatMap { row in row.responses.map { Double(row.prompt) / Double($0) } }
        #expect(abs(median(ratios) / profile.prefixRatio - 1) < 0.025)
        #expect(Set(rows.map(\.prompt)).count > 50)
        #expect(rows.count { $0.responses[0] != $0.responses[1] } > 15_000, "responses differ in length")
    }

    @Test("the same seed gives the same examples, another seed others; the first ones do not depend on the number")
    func seeds() throws {
        let profile = try #require(LengthProfile.named("tldr"))
        let rows = profile.examples(9, responses: 3, longest: 4096, seed: 1)
        #expect(rows == profile.examples(9, responses: 3, longest: 4096, seed: 1))
        #expect(rows == Array(profile.examples(20, responses: 3, longest: 4096, seed: 1).prefix(9)))
        #expect(rows != profile.examples(9, responses: 3, longest: 4096, seed: 2))
        func digest(_ seed: UInt64) throws -> String {
            try PreferenceDataset(rows, vocabularySize: 999, seed: seed).digest
        }
        #expect(try digest(1) == digest(1))
        #expect(try digest(1) != digest(2))
    }

    @Test("no example is longer than allowed, or without tokens", arguments: [2, 3, 17, 500])
    func bounds(longest: Int) {
        for profile in LengthProfile.all {
            for row in profile.examples(500, responses: 5, longest: longest, seed: 3) {
                #expect(row.prompt >= 1 && row.responses.count == 5)
                #expect(row.responses.allSatisfy { $0 >= 1 && row.prompt + $0 <= longest })
            }
        }
    }

    @Test("uniform examples give trees of the requested size", arguments: [(4, 2), (7, 3), (64, 2), (101, 7), (6, 3)])
    func uniform(treeTokens: Int, responses: Int) throws {
        let lengths = ExampleLengths.uniform(treeTokens: treeTokens, responses: responses)
        #expect(lengths.prompt == treeTokens / 2 && lengths.responses.count == responses)
        let dataset = try PreferenceDataset([lengths, lengths], vocabularySize: responses, seed: 5)
        for sharing in [Sharing.prompt, .prefix] {
            #expect(
                (0..<2).map { TokenTree(dataset, example: $0, sharing: sharing).count } == [treeTokens, treeTokens]
            )
        }
    }

    @Test("nothing is shared but the prompt, even with a small vocabulary", arguments: [4, 131, 49_152])
    func sharing(vocabularySize: Int) throws {
        let profile = try #require(LengthProfile.named("hh-rlhf"))
        let rows = profile.examples(60, responses: 4, longest: 300, seed: 8)
        let dataset = try PreferenceDataset(rows, vocabularySize: vocabularySize, seed: 9)
        try dataset.validate(vocabularySize: vocabularySize)
        for (index, row) in rows.enumerated() {
            #expect(dataset.prompt(index).count == row.prompt)
            #expect(dataset.responses(of: index).map { dataset.response($0).count } == row.responses)
            #expect(Set(dataset.responses(of: index).map { dataset.response($0).first }).count == 4)
            let tree = TokenTree(dataset, example: index, sharing: .prefix)
            #expect(tree.count == row.prompt + row.responses.reduce(0, +))
        }
        let firstTokens = (0..<min(60, vocabularySize)).map { dataset.prompt($0).first }
        #expect(Set(firstTokens).count == firstTokens.count)
    }
}
