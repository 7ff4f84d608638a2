internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Inconsistent files, each refused with the reason.
struct SafetensorsReadingTests {
    private static func header(_ entries: String...) -> String { "{" + entries.joined(separator: ",") + "}" }

    private static func entry(
        _ name: String,
        _ begin: String,
        _ end: String,
        dtype: String = "F32",
        shape: String = "[1]"
    ) -> String {
        #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    private func expectRefused(
        _ header: String,
        data: Int,
        length: UInt64? = nil,
        _ message: String,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            try writeSafetensors(header, data: Array(repeating: 1, count: data), length: length, to: path)
            expectRefusal(path, message, at: location) { _ = try SafetensorsFile(path) }
        }
    }

    @Test("an empty header and tensors without elements are read")
    func nothing() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            try writeSafetensors("{}", to: path)
            #expect(try SafetensorsFile(path).tensors.isEmpty)
            let header = Self.header(
                Self.entry("none", "0", "0", shape: "[3,0]"),
                Self.entry("scalar", "0", "4", shape: "[]"),
                Self.entry("z", "4", "4", dtype: "BF16", shape: "[0]")
            )
            try writeSafetensors(header + "   ", data: littleEndian([Float(2.5).bitPattern]), to: path)
            let file = try SafetensorsFile(path)
            #expect(try float32s(file, "scalar", shape: []) == [2.5])
            #expect(try float32s(file, "none", shape: [3, 0]) == [])
            #expect(file.tensors.keys.sorted() == ["none", "scalar", "z"])
        }
    }

    @Test("files that are too short or not regular files are refused")
    func noFile() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            expectRefusal(path, "cannot be opened: No such file or directory") { _ = try SafetensorsFile(path) }
            expectRefusal(directory, "expected a regular file, found a directory") {
                _ = try SafetensorsFile(directory)
            }
            let pipe = directory.appending("pipe")
            #expect(mkfifo(pipe.string, 0o600) == 0)
            expectRefusal(pipe, "expected a regular file") { _ = try SafetensorsFile(pipe) }
            for (count, found) in [(0, "an empty file"), (7, "only 7 bytes")] {
                try write(Array(repeating: 0, count: count), to: path)
                expectRefusal(path, "expected a safetensors file, found \(found); download or copy it again") {
                    _ = try SafetensorsFile(path)
                }
            }
        }
    }

    @Test("a header length that is too large, or beyond the end of the file, is refused")
    func headerLength() throws {
        for length in [16 << 20 + 1, UInt64(Int.max), .max] {
            try expectRefused(
                "{}",
                data: 0,
                length: length,
                "expected a safetensors file, found a file of another format; download or copy it again"
            )
        }
        try expectRefused(
            "{}",
            data: 0,
            length: 3,
            "truncated: 1 of at least 11 bytes are missing; download or copy it again"
        )
        try expectRefused(
            "{}",
            data: 0,
            length: 16 << 20,
            "truncated: 16777214 of at least 16777224 bytes are missing; download or copy it again"
        )
    }

    @Test("a header that is not a JSON object is refused")
    func notAnObject() throws {
        for (json, fault) in [
            ("", "at byte 0 expected a value, found the end"),
            ("{", "at byte 1 expected a name in quotes, found the end"),
            ("PK\u{3}\u{4}", "at byte 0 expected a value, found P"),
            ("{\"a\":}", "at byte 5 expected a value, found }"),
            ("{} {}", "at byte 3 expected the end, found {"), ("nul", "at byte 0 expected null, found n"),
        ] {
            try expectRefused(json, data: 0, "the header is not valid JSON: \(fault); download or copy it again")
        }
        for json in ["[]", "[{}]"] {
            try expectRefused(json, data: 0, "the header is not a JSON object; download or copy it again")
        }
        try expectRefused(#"{"__metadata__":{"a":1}}"#, data: 0, "__metadata__ must map strings to strings")
        try expectRefused(#"{"__metadata__":"a"}"#, data: 0, "__metadata__ must map strings to strings")
    }

    @Test("data that is missing, left over, overlapping or with a gap is refused")
    func coverage() throws {
        let pair = Self.header(Self.entry("a", "0", "4"), Self.entry("b", "4", "8"))
        let bytes = 8 + pair.utf8.count + 8
        try expectRefused(pair, data: 5, "truncated: 3 of \(bytes) bytes are missing; download or copy it again")
        try expectRefused(pair, data: 9, "1 bytes follow the last tensor")
        try expectRefused("{}", data: 2, "2 bytes follow the last tensor")
        let overlap = Self.header(Self.entry("a", "0", "4"), Self.entry("b", "2", "6"))
        try expectRefused(overlap, data: 6, "tensor b overlaps the tensor before byte \(8 + overlap.utf8.count + 2)")
        let twice = Self.header(Self.entry("a", "0", "4"), Self.entry("b", "0", "4"))
        try expectRefused(twice, data: 4, "tensor b overlaps the tensor before byte \(8 + twice.utf8.count)")
        let hole = Self.header(Self.entry("a", "0", "4"), Self.entry("b", "5", "9"))
        try expectRefused(hole, data: 9, "tensor b leaves a gap before byte \(8 + hole.utf8.count + 5)")
        let late = Self.header(Self.entry("a", "4", "8"))
        try expectRefused(late, data: 8, "tensor a leaves a gap before byte \(8 + late.utf8.count + 4)")
    }

    @Test(
        "offsets and shapes that are missing, fractional or out of range are refused",
        arguments: [
            (["-4", "0"], "[1]"), (["0", "4.5"], "[1]"), (["0", "\"4\""], "[1]"), (["true", "4"], "[1]"),
            (["0", "9223372036854775808"], "[1]"), (["0", "1e300"], "[1]"), (["0", "1e400"], "[1]"),
            (["-0", "4"], "[1]"), (["0", "4.0"], "[1]"), (["0", "4e0"], "[1]"), (["0", "4"], "[-1]"),
            (["0", "4"], "[1.5]"), (["0", "4"], "[true]"), (["0", "4"], "1"), (["0", "4"], "null"),
            (["0", "4"], "[null]"), (["0", "4,4"], "[1]"),
        ] as [([String], String)]
    )
    func numbers(offsets: [String], shape: String) throws {
        try expectRefused(
            Self.header(Self.entry("w", offsets[0], offsets[1], shape: shape)),
            data: 4,
            "tensor w: expected dtype, shape and two data_offsets of non-negative integers"
        )
    }

    @Test("incomplete entries are refused")
    func parts() throws {
        let message = "tensor w: expected dtype, shape and two data_offsets of non-negative integers"
        for entry in [
            "4", "{}", #"{"dtype":"F32"}"#, #"{"dtype":"F32","shape":[1]}"#, #"{"shape":[1],"data_offsets":[0,4]}"#,
            #"{"dtype":32,"shape":[1],"data_offsets":[0,4]}"#,
        ] {
            try expectRefused(#"{"w":\#(entry)}"#, data: 4, message)
        }
    }

    @Test("a shape that does not match the offsets is refused, also if sizes overflow")
    func sizes() throws {
        let largest = "9223372036854775807"
        for (begin, end, shape, message) in [
            ("0", "4", "[2]", "F32 [2] takes 8 bytes, data_offsets are [0, 4]"),
            ("4", "0", "[1]", "F32 [1] takes 4 bytes, data_offsets are [4, 0]"),
            (
                "9223372036854775803", largest, "[1]",
                "F32 [1] takes 4 bytes, data_offsets are [9223372036854775803, \(largest)]"
            ),
            ("0", "4", "[\(largest)]", "shape [\(largest)] is too large"),
            ("0", "4", "[4294967296,4294967296]", "shape [4294967296, 4294967296] is too large"),
            // 2^64 + 4 bytes, which wraps around to 4.
            ("0", "4", "[4611686018427387905]", "shape [4611686018427387905] is too large"),
        ] {
            try expectRefused(Self.header(Self.entry("w", begin, end, shape: shape)), data: 4, "tensor w: \(message)")
        }
    }

    @Test("an unknown element type is refused with the known ones", arguments: ["F4", "f32", ""])
    func elementType(name: String) throws {
        try expectRefused(
            Self.header(Self.entry("w", "0", "4", dtype: name)),
            data: 4,
            "tensor w: element type \(name) is not supported, only F64, F32, BF16, F16, I64, I32, U8, "
                + "U64, U32, U16, I16, I8, BOOL, F8_E5M2, F8_E4M3"
        )
    }

    @Test("headers of many tensors or values are read or refused in time and memory linear in their size")
    func bombs() throws {
        let depth = 1 << 16
        let deep = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let fault = "the header is not valid JSON: at byte 68 expected at most 64 levels, found another"
        try expectRefused(#"{"w":"# + deep + "}", data: 0, fault + "; download or copy it again")
        let wide =
            #"{"w":{"dtype":"F32","shape":["# + String(repeating: "1,", count: 1 << 20) + #"1],"data_offsets":[0,4]}}"#
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            try writeSafetensors(wide, data: [0, 0, 0, 0], to: path)
            #expect(try SafetensorsFile(path).info("w").shape.count == 1 << 20 + 1)
            let names = (0..<1 << 14).map { Self.entry("tensor.\($0)", "0", "0", shape: "[0]") }
            try writeSafetensors("{" + names.joined(separator: ",") + "}", to: path)
            #expect(try SafetensorsFile(path).tensors.count == 1 << 14)
            // The search for the nearest name takes no longer for an absurd name.
            let long = String(repeating: "x", count: 1 << 20)
            expectRefusal(path, "has no tensor w") { _ = try SafetensorsFile(path).info("w") }
            try writeSafetensors("{" + Self.entry(long, "0", "0", shape: "[0]") + "}", to: path)
            expectRefusal(path, "has no tensor \(long.prefix(100))") {
                _ = try SafetensorsFile(path).info(String(long.prefix(100)))
            }
        }
    }

    @Test("a duplicate name is refused, in any spelling and at any depth")
    func duplicates() throws {
        for (header, name, byte) in [
            (Self.header(Self.entry("a", "0", "4"), Self.entry("a", "4", "8")), "a", 54),
            (Self.header(Self.entry("a", "0", "4"), Self.entry("\\u0061", "4", "8")), "a", 54),
            (Self.header(Self.entry("a", "0", "8", shape: "[2]"), Self.entry("a", "0", "8", shape: "[2]")), "a", 54),
            (#"{"a":{"dtype":"F64","shape":[1],"shape":[2],"dtype":"F32","data_offsets":[0,8]}}"#, "shape", 32),
            (#"{"__metadata__":{"x":"1","x":"2"},\#(Self.entry("a", "0", "8", shape: "[2]"))}"#, "x", 25),
            (#"{"__metadata__":{},"__metadata__":{"x":"1"}}"#, "__metadata__", 19),
        ] {
            let fault = "at byte \(byte) expected each name once, found \(name) twice"
            try expectRefused(header, data: 8, "the header is not valid JSON: \(fault); download or copy it again")
        }
        // Braces, colons and quotes within names are not structure.
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            try writeSafetensors(
                Self.header(Self.entry(#"{\":{"#, "0", "4"), #""__metadata__":{"a:b":"{\"c\":1}"}"#),
                data: [0, 0, 0, 0],
                to: path
            )
            let file = try SafetensorsFile(path)
            #expect(file.tensors.keys.sorted() == [#"{":{"#] && file.metadata == ["a:b": #"{"c":1}"#])
        }
    }

    @Test("a tensor of another type or shape is refused with its name, what was expected and what was found")
    func askedForWrongly() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            let entries = [
                SafetensorsEntry(name: "weight", [1, 2] as [Float]), SafetensorsEntry(name: "ids", [1] as [Int64]),
            ]
            try SafetensorsWriter.write(entries, to: path)
            let file = try SafetensorsFile(path)
            expectRefusal(path, "tensor weight: expected shape [1, 2], as config.json says, found [2]") {
                _ = try float32s(file, "weight", shape: [1, 2])
            }
            expectRefusal(path, "tensor ids: expected F32, BF16 or F16, found I64") {
                _ = try float32s(file, "ids", shape: [1])
            }
            expectRefusal(path, "tensor ids: expected F32, found I64") { _ = try file.float32s("ids") }
            expectRefusal(path, "tensor weight: expected I32, found F32") { _ = try file.int32s("weight") }
            expectRefusal(path, "tensor weight: expected F64, found F32") { _ = try file.float64s("weight") }
            expectRefusal(path, "has no tensor wieght; the nearest is weight") { _ = try file.float32s("wieght") }
            expectRefusal(path, "has no tensor lm_head.weight") { _ = try file.info("lm_head.weight") }
            #expect(try file.int64s("ids") == [1])
        }
    }
}
