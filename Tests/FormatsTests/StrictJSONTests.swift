internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Strict reading of untrusted JSON.
struct StrictJSONTests {
    private func read(_ text: String) throws -> JSONValue {
        try Array(text.utf8).withUnsafeBytes { try StrictJSON.value(of: $0) }
    }

    private func fault(_ text: String) -> String? {
        do {
            _ = try read(text)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("every kind of value is read, and numbers keep their text")
    func values() throws {
        let text = #" { "a" : [ null , true,false ] , "b":{"":[]} ,"c": -0.50E+07,"d":"\u00e9\ud83d\ude00\n\"\\\/" } "#
        let expected: JSONValue = .object([
            "a": .array([.null, .flag(true), .flag(false)]), "b": .object(["": .array([])]),
            "c": .number("-0.50E+07"), "d": .string("é😀\n\"\\/"),
        ])
        let value = try read(text)
        #expect(value == expected)
        #expect(value.line == #"{"a":[null,true,false],"b":{"":[]},"c":-0.50E+07,"d":"é😀\n\"\\/"}"#)
        #expect(try read(value.line) == value && read(value.page()) == value)
        #expect(
            try read(#"{"b": [1, {}], "a": {"c": "\u0001"}}"#).page() == """
                {
                  "a": {
                    "c": "\\u0001"
                  },
                  "b": [
                    1,
                    {}
                  ]
                }
                """
        )
    }

    @Test(
        "an integer consists of digits only and fits an Int",
        arguments: [
            ("0", 0), ("9223372036854775807", .max), ("9223372036854775808", nil), ("-0", nil), ("-1", nil),
            ("1.0", nil), ("1e3", nil), ("1.5", nil), (#""1""#, nil), ("true", nil),
        ] as [(String, Int?)]
    )
    func wholeNumbers(text: String, number: Int?) throws {
        #expect(try read(text).wholeNumber == number)
    }

    @Test("a number beyond the range of float64 is infinite, and other values are not numbers")
    func doubles() throws {
        #expect(try read("1e400").double == .infinity)
        #expect(try read("-1e400").double == -.infinity)
        #expect(try read("1e-400").double == 0)
        #expect(try read(#""1""#).double == nil)
    }

    @Test(
        "invalid JSON is refused with the place",
        arguments: [
            ("", "at byte 0 expected a value, found the end"), ("[1,]", "at byte 3 expected a value, found ]"),
            ("[1 2]", "at byte 3 expected , or ], found 2"), (#"{"a" 1}"#, "at byte 5 expected :, found 1"),
            (#"{"a":1,}"#, "at byte 7 expected a name in quotes, found }"),
            ("{1:1}", "at byte 1 expected a name in quotes, found 1"),
            ("01", "at byte 1 expected the end, found 1"), ("+1", "at byte 0 expected a value, found +"),
            ("1.", "at byte 2 expected a digit, found the end"), (".5", "at byte 0 expected a value, found ."),
            ("1e", "at byte 2 expected a digit, found the end"), ("-", "at byte 1 expected a digit, found the end"),
            ("NaN", "at byte 0 expected a value, found N"), ("-Infinity", "at byte 1 expected a digit, found I"),
            ("\u{FEFF}{}", "at byte 0 expected a value, found byte 0xef"),
            ("truth", "at byte 0 expected true, found t"),
            ("'a'", "at byte 0 expected a value, found '"), ("[] // no", "at byte 3 expected the end, found /"),
            (#""a"#, "at byte 2 expected the end of a string, found the end"),
            ("\"a\nb\"", "at byte 2 expected the end of a string, found byte 0xa"),
            (#""\x""#, "at byte 2 expected an escape, found x"),
            (#""\u12G4""#, "at byte 5 expected four hexadecimal digits, found G"),
            (#""\ud800""#, "at byte 1 expected a character, found an unpaired surrogate"),
            (#""\ud800\u0041""#, "at byte 1 expected a character, found an unpaired surrogate"),
            (#""\udc00\ud800""#, "at byte 1 expected a character, found an unpaired surrogate"),
        ]
    )
    func faults(text: String, message: String) {
        #expect(fault(text) == message)
    }

    @Test("invalid UTF-8 is refused, in names too")
    func encoding() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(throws: JSONFault.self) { try bytes.withUnsafeBytes { try StrictJSON.value(of: $0) } }
        }
    }

    @Test("canonically equivalent names are the same name")
    func duplicates() {
        #expect(fault(#"{"a":1,"a":1}"#) == "at byte 7 expected each name once, found a twice")
        #expect(fault(#"[{"é":1,"e\u0301":1}]"#) == "at byte 9 expected each name once, found é twice")
        #expect(fault(#"{"a":{"a":1},"b":{"a":1}}"#) == nil)
        // Reported on one line without control characters.
        let expected = #"at byte 10 expected each name once, found a\u{a}b twice"#
        #expect(fault(#"{"a\nb":1,"a\nb":1}"#) == expected)
    }

    @Test("nesting is limited to 64 levels")
    func depth() {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(fault(nested(64)) == nil)
        #expect(fault(nested(65)) == "at byte 64 expected at most 64 levels, found another")
        #expect(
            fault(String(repeating: #"{"":"#, count: 1 << 20))
                == "at byte 256 expected at most 64 levels, found another"
        )
    }

    @Test("a text of more than 16 MiB is refused unread")
    func length() {
        let text = "[" + String(repeating: " ", count: 16 << 20) + "]"
        #expect(fault(text) == "at byte 16777216 expected at most 16777216 bytes, found 16777218")
    }

    @Test("an error is one short line without control characters")
    func printable() {
        let path = FilePath("/tmp/a\nb")
        let error = FormatError(path, "tensor \u{1B}[2J\u{202E}x\u{2028}\u{7}é: bad")
        #expect(error.description == #"/tmp/a\u{a}b: tensor \u{1b}[2J\u{202e}x\u{2028}\u{7}é: bad"#)
        let long = FormatError("p", String(repeating: "é", count: 1 << 20)).description
        #expect(long.hasPrefix("p: éé") && long.hasSuffix("éé") && long.contains(" … 1046579 characters … "))
        #expect(long.count < 2100)
    }

    @Test("the names of a nested object are read in the order of the text")
    func order() throws {
        try Places.temporary { directory in
            let path = directory.appending("a.json")
            try write(#"{"z": 1, "a": {"q": {"x": 1}, "b": 2 , "\u0061": []}, "c": {}}"#, to: path)
            #expect(try StrictJSON.names(in: path, of: "a") == ["q", "b", "a"])
            for key in ["z", "c", "d"] { #expect(try StrictJSON.names(in: path, of: key) == []) }
            try write("[]", to: path)
            expectRefusal(path, "expected a JSON object") { _ = try StrictJSON.names(in: path, of: "a") }
        }
    }

    @Test("a byte order mark in a file is named")
    func byteOrderMark() throws {
        try Places.temporary { directory in
            let path = directory.appending("config.json")
            for (bytes, found) in [
                ([0xEF, 0xBB, 0xBF, 0x7B, 0x7D], "a byte order mark; save the file as UTF-8 without it"),
                ([0xFF, 0xFE, 0x7B, 0], "UTF-16; save the file as UTF-8 without a byte order mark"),
                ([0xFE, 0xFF, 0, 0x7B], "UTF-16; save the file as UTF-8 without a byte order mark"),
            ] as [([UInt8], String)] {
                try write(bytes, to: path)
                expectRefusal(path, "expected a JSON object, found \(found)") { _ = try StrictJSON.object(in: path) }
            }
        }
    }
}
