internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Settings in YAML: every error is reported on one line.
struct StrictYAMLTests {
    private struct Settings: Decodable, Equatable {
        enum Kind: String, Decodable { case plain, fancy }
        var beta: Double?
        var steps: Int?
        var seed: UInt64?
        var shuffle: Bool?
        var name: String?
        var kind: Kind?
        var colours: [String: String]?
    }

    private static let keys = ["beta", "steps", "seed", "shuffle", "name", "kind", "colours"]

    private func decode(_ text: String, from path: FilePath) throws -> Settings {
        try write(text, to: path)
        return try StrictYAML.decode(Settings.self, knownKeys: Self.keys, from: path)
    }

    private func expectRefused(_ text: String, _ message: String, at location: SourceLocation = #_sourceLocation) throws
    {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            expectRefusal(path, message, at: location) { _ = try decode(text, from: path) }
        }
    }

    @Test("a mapping is read, with comments and omitted keys")
    func mapping() throws {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            for (text, expected) in [
                ("# nothing", Settings()), ("", Settings()), ("{beta: 2, name: x}", Settings(beta: 2, name: "x")),
                (
                    "beta: 1e-1 # pull\nsteps: 3\nshuffle: no\nname: 'a: b'\nkind: fancy",
                    Settings(beta: 0.1, steps: 3, shuffle: false, name: "a: b", kind: .fancy)
                ),
            ] {
                let found = try decode(text, from: path)
                #expect(found == expected)
            }
        }
    }

    @Test("an unknown key is refused with its line and the nearest known one")
    func unknownKey() throws {
        try expectRefused("beta: 1\nstep: 2", "line 2: unknown key step; did you mean steps?")
        try expectRefused("\n\nbeat: 1", "line 3: unknown key beat; did you mean beta?")
        try expectRefused("temperature: 1", "line 1: unknown key temperature")
        try expectRefused("Beta: 1", "line 1: unknown key Beta; did you mean beta?")
    }

    @Test("a value of the wrong type is refused with what was expected and found")
    func wrongType() throws {
        try expectRefused("beta: strong", "beta: expected a number, found strong")
        try expectRefused("steps: 1.5", "steps: expected a whole number, found 1.5")
        try expectRefused("steps: many", "steps: expected a whole number, found many")
        try expectRefused("seed: -1", "seed: expected a whole number, at least 0, found -1")
        try expectRefused("shuffle: 3", "shuffle: expected true or false, found 3")
        try expectRefused("beta: [1, 2]", "beta: expected one value, found a list")
        try expectRefused("name: {a: 1}", "name: expected one value, found a mapping")
        try expectRefused("colours: [red]", "colours: expected a mapping, found a list")
    }

    @Test("an unknown choice is refused")
    func wrongWord() throws {
        try expectRefused("kind: odd", "kind: Cannot initialize Kind from invalid String value odd")
    }

    @Test("a duplicate key is refused")
    func duplicates() throws {
        try expectRefused("beta: 1\nsteps: 2\nbeta: 3", "duplicate key beta")
    }

    @Test("anything but a mapping is refused", arguments: ["- beta", "beta", "3"])
    func notAMapping(text: String) throws {
        try expectRefused(text, "expected a mapping of settings to values")
    }

    @Test("invalid YAML is refused on one line")
    func notYAML() throws {
        try expectRefused("beta: [1", "line 2: not valid YAML: did not find expected ',' or ']'")
        try expectRefused(
            "beta: 1\n\tsteps: 2",
            "line 2: not valid YAML: found a tab character that violates indentation"
        )
    }

    @Test("numbers out of range are refused, and never trap")
    func numbers() throws {
        try expectRefused("steps: 9223372036854775808", "steps: expected a whole number, found 9223372036854775808")
        try expectRefused(
            "seed: 18446744073709551616",
            "seed: expected a whole number, at least 0, found 18446744073709551616"
        )
        try expectRefused("steps: 1e3", "steps: expected a whole number, found 1e3")
        // Sexagesimal numbers, on which Yams overflows.
        for text in ["1:9223372036854775807", "0:0:0:0:0:0:0:0:0:0:0:0:0", "-1:30"] {
            try expectRefused(
                "beta: 1\nsteps: \(text)",
                "line 2: expected a number or a string, found \(text); quote a string of digits"
            )
        }
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            for (text, name) in [("'1:30'", "1:30"), ("fe80::1", "fe80::1")] {
                let found = try decode("name: \(text)", from: path)
                #expect(found == Settings(name: name))
            }
        }
    }

    @Test("a leading 0, octal for some settings and decimal for others, is refused")
    func leadingZeros() throws {
        for key in ["steps", "seed", "beta"] {
            for text in ["010", "-07", "08", "00"] {
                try expectRefused(
                    "\(key): \(text)",
                    "line 1: expected a number or a string, found \(text); remove the leading 0, or quote a string of "
                        + "digits"
                )
            }
        }
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            for (text, expected) in [
                ("steps: 0", Settings(steps: 0)), ("beta: 0.5", Settings(beta: 0.5)),
                ("name: '010'", Settings(name: "010")),
            ] {
                let found = try decode(text, from: path)
                #expect(found == expected)
            }
        }
    }

    @Test("depth, aliases and length are bounded")
    func bombs() throws {
        let deep = "name: " + String(repeating: "[", count: 100_000)
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            let error = #expect(throws: FormatError.self) { try decode(deep, from: path) }
            #expect(error?.message.contains("not valid YAML") == true)
        }
        // A key that expands to 9^9 words, each of which would be compared with other keys.
        var bomb = "beta: 1\nname: [&a0 [x, x, x, x, x, x, x, x, x]"
        for level in 1...9 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            bomb += ", &a\(level) [\(aliases)]"
        }
        try expectRefused(
            bomb + "]\n? *a9\n: 1\n",
            "expected at most 8 aliases, found 82 words that begin with *; write values out"
        )
        try expectRefused(
            "# " + String(repeating: "x", count: 1 << 20),
            "expected settings, at most 1048576 bytes, found 1048578"
        )
    }

    @Test("invalid UTF-8 is refused")
    func encoding() throws {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            try write(Array("name: ".utf8) + [0xE9], to: path)
            expectRefusal(path, "expected UTF-8, found other bytes; write it as UTF-8") {
                _ = try StrictYAML.decode(Settings.self, knownKeys: Self.keys, from: path)
            }
        }
    }

    @Test("a file that is missing is named")
    func missing() {
        let path = FilePath("/nowhere/run.yaml")
        expectRefusal(path, "cannot be opened: No such file or directory") {
            _ = try StrictYAML.decode(Settings.self, knownKeys: Self.keys, from: path)
        }
    }
}
