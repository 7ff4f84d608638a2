internal import Formats
internal import Testing

struct NearestTests {
    @Test(
        "the nearest name has the fewest edits, ties go to the first, and distant names do not count",
        arguments: [
            ("bata", "beta"), ("bet", "beta"), ("ebta", "beta"), ("beta", "beta"), ("betas", "beta"),
            ("learning-rate", "learning_rate"), ("learnin_raet", "learning_rate"), ("lr", nil), ("zzzz", nil),
            ("gamma", nil), ("", nil), ("aaaa", "aaab"),
        ] as [(String, String?)]
    )
    func nearestWord(word: String, expected: String?) {
        #expect(nearest(to: word, among: ["beta", "learning_rate", "aaab", "aaac"]) == expected)
    }

    @Test("without candidates there is no nearest name")
    func nothing() {
        #expect(nearest(to: "beta", among: [] as [String]) == nil)
    }
}
