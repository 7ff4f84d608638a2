internal import Formats
internal import Testing

struct NearestTests {
    @Test(
        "the nearest is the one with the fewest edits, the first of equals, and none that is far",
        arguments: [
            ("bata", "beta"), ("bet", "beta"), ("ebta", "beta"), ("beta", "beta"), ("betas", "beta"),
            ("learning-rate", "learning_rate"), ("learnin_raet", "learning_rate"), ("lr", nil), ("zzzz", nil),
            ("gamma", nil), ("", nil), ("aaaa", "aaab"),
        ] as [(String, String?)]
    )
    func nearestWord(word: String, expected: String?) {
        #expect(nearest(to: word, among: ["beta", "learning_rate", "aaab", "aaac"]) == expected)
    }

    @Test("among nothing nothing is near")
    func nothing() {
        #expect(nearest(to: "beta", among: [] as [String]) == nil)
    }
}
