internal import Formats
internal import Testing

struct NearestTests {
    @Test(
        "the nearest has the fewest edits, ties go to the first, and there is none if all are far",
        arguments: [
            ("bata", "beta"), ("bet", "beta"), ("ebta", "beta"), ("beta", "beta"), ("betas", "beta"),
            ("learning-rate", "learning_rate"), ("learnin_raet", "learning_rate"), ("lr", nil), ("zzzz", nil),
            ("gamma", nil), ("", nil), ("aaaa", "aaab"),
        ] as [(String, String?)]
    )
    func nearestWord(word: String, expected: String?) {
        #expect(nearest(to: word, among: ["beta", "learning_rate", "aaab", "aaac"]) == expected)
    }

    @Test("without candidates there is no nearest")
    func nothing() {
        #expect(nearest(to: "beta", among: [] as [String]) == nil)
    }
}
