internal import Formats
internal import Testing

struct YAMLValueTests {
    @Test(
        "a text is quoted unless every reader takes it for the same text",
        arguments: [
            ("apache-2.0", "apache-2.0"), ("org/Name_1.5B", "org/Name_1.5B"), ("no", "\"no\""), ("Off", "\"Off\""),
            ("", "\"\""), ("1.5", "\"1.5\""), ("1e3", "\"1e3\""), ("a: b", "\"a: b\""), ("a #b", "\"a #b\""),
            ("- a", "\"- a\""), ("\"\\", #""\"\\""#), ("a\nb\tc", #""a\nb\tc""#), ("ü", "\"ü\""), ("*a", "\"*a\""),
            ("\u{7f}\u{85}\u{2028}\u{feff}", #""\x7f\x85\u2028\ufeff""#), ("\u{e0001}", #""\U000e0001""#),
        ]
    )
    func texts(text: String, expected: String) {
        #expect(YAMLValue.text(text).lines == [expected])
    }

    @Test(
        "a number has a form that YAML 1.1 takes for a number too",
        arguments: [
            (0.25, "0.25"), (1, "1.0"), (-1e-6, "-1.0e-06"), (1.5e-7, "1.5e-07"), (.nan, ".nan"), (-.infinity, "-.inf"),
        ]
    )
    func numbers(number: Double, expected: String) {
        #expect(YAMLValue.number(number).lines == [expected])
    }

    @Test("lists and mappings are indented below their keys, empty ones are on one line")
    func nested() {
        let value = YAMLValue.mapping([
            ("a", .texts(["x", "yes"])), ("b", .list([])),
            ("c: d", .mapping([("e", .number(1)), ("f", .mapping([]))])),
            ("g", .list([.mapping([("h", .text("i")), ("j", .texts(["k"]))])])),
        ])
        #expect(
            value.lines == [
                "a:", "- x", "- \"yes\"", "b: []", "\"c: d\":", "  e: 1.0", "  f: {}", "g:", "- h: i", "  j:", "  - k",
            ]
        )
    }
}
