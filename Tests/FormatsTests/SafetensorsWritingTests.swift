internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

struct SafetensorsWritingTests {
    private struct Interruption: Error, Equatable {}

    @Test("tensors of every type, names and metadata are read back as written")
    func roundTrip() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            let matrix: [Float] = [1, -0.0, .infinity, 0x1p-149, 3, 4]
            let entries = [
                SafetensorsEntry(name: "bytes/ü\"\\ {", [1, 2, 3] as [Int32]),
                SafetensorsEntry(name: "b", [Int64.min, .max]),
                SafetensorsEntry(name: "a", [0.1, -Double.infinity]),
                SafetensorsEntry(name: "none", [] as [Float]),
                SafetensorsEntry(name: "m", shape: [2, 3]) { body in try body(matrix.span) },
            ]
            let metadata = ["format": "pt", "note": "a \"quoted\"\nline / ü"]
            try SafetensorsWriter.write(entries, metadata: metadata, to: path)
            let file = try SafetensorsFile(path)
            #expect(file.metadata == metadata && file.tensors.count == 5)
            #expect(try file.int32s("bytes/ü\"\\ {") == [1, 2, 3])
            #expect(try file.int64s("b") == [.min, .max])
            #expect(try file.float64s("a") == [0.1, -.infinity])
            #expect(try file.float32s("none") == [])
            #expect(try float32s(file, "m", shape: [2, 3]).map(\.bitPattern) == matrix.map(\.bitPattern))
            #expect(try names(in: directory) == ["m.safetensors"])
            for info in file.tensors.values {
                #expect(info.byteRange.lowerBound % info.elementType.byteCount == 0, "\(info.name) is aligned")
            }
        }
    }

    @Test("NaN keeps its bits")
    func notANumber() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            let values = [Float.nan, -Float.nan, Float(bitPattern: 0x7FC1_2345)]
            try SafetensorsWriter.write([SafetensorsEntry(name: "w", values)], to: path)
            #expect(try SafetensorsFile(path).float32s("w").map(\.bitPattern) == values.map(\.bitPattern))
        }
    }

    @Test("the bytes are those of the format specification")
    func bytes() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            let entries = [
                SafetensorsEntry(name: "b", [258] as [Int32]), SafetensorsEntry(name: "a", [1] as [Int64]),
            ]
            try SafetensorsWriter.write(entries, to: path)
            let json =
                #"{"a":{"data_offsets":[0,8],"dtype":"I64","shape":[1]},"#
                + #""b":{"data_offsets":[8,12],"dtype":"I32","shape":[1]}}"#
            let padded = json + String(repeating: " ", count: (8 - json.utf8.count % 8) % 8)
            let expected =
                littleEndian([UInt64(padded.utf8.count)]) + padded.utf8 + [1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0]
            #expect(try MappedFile(path).withBytes { Array($0) } == expected)
        }
    }

    @Test("a file without tensors is written")
    func nothing() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            try SafetensorsWriter.write([], metadata: ["a": "b"], to: path)
            let file = try SafetensorsFile(path)
            #expect(file.tensors.isEmpty && file.metadata == ["a": "b"])
        }
    }

    @Test("a failing writer leaves no new file and no change", arguments: [false, true])
    func interrupted(existing: Bool) throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            if existing { try write("before", to: path) }
            let entries = [
                SafetensorsEntry(name: "a", [1, 2, 3] as [Float]),
                SafetensorsEntry(name: "b", shape: [4]) { _ in throw Interruption() },
            ]
            #expect(throws: Interruption()) { try SafetensorsWriter.write(entries, to: path) }
            #expect(try names(in: directory) == (existing ? ["m.safetensors"] : []))
            if existing { #expect(try MappedFile(path).withBytes { String(decoding: $0, as: UTF8.self) } == "before") }
        }
    }

    @Test("a new file replaces the old one only at the end")
    func replacement() throws {
        try Places.temporary { directory in
            let path = directory.appending("file")
            try write("before", to: path)
            let text = { try MappedFile(path).withBytes { String(decoding: $0, as: UTF8.self) } }
            try AtomicFile.write(to: path) { file in
                try file.append("aft")
                #expect(try text() == "before")
                try file.append("er")
            }
            #expect(try text() == "after" && names(in: directory) == ["file"])
        }
    }

    @Test("a path that cannot be written to is reported with reason and remedy")
    func unwritable() throws {
        try Places.temporary { directory in
            let entries = [SafetensorsEntry(name: "a", [1] as [Float])]
            let lost = directory.appending("none/m.safetensors")
            expectRefusal(lost, "cannot be written: No such file or directory; create its directory first") {
                try SafetensorsWriter.write(entries, to: lost)
            }
            try write("", to: directory.appending("file"))
            let below = directory.appending("file/m.safetensors")
            expectRefusal(below, "cannot be written: Not a directory; create its directory first") {
                try SafetensorsWriter.write(entries, to: below)
            }
            try FileManager.default.createDirectory(
                atPath: directory.appending("taken").string,
                withIntermediateDirectories: false
            )
            let taken = directory.appending("taken")
            expectRefusal(taken, "expected a regular file or none, found a directory; choose another path") {
                try SafetensorsWriter.write(entries, to: taken)
            }
            #expect(try names(in: directory) == ["file", "taken"])
        }
    }

    @Test(
        "a directory without permission is named with the reason and the remedy",
        .enabled(if: geteuid() != 0, "root may write everywhere")
    )
    func forbidden() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            let attributes = [FileAttributeKey.posixPermissions: 0o500]
            try FileManager.default.setAttributes(attributes, ofItemAtPath: directory.string)
            expectRefusal(path, "cannot be written: Permission denied; choose a path that you may write to") {
                try AtomicFile.write(to: path) { try $0.append("x") }
            }
        }
    }

    @Test("a file system that accepts no files is reported with the reason")
    func readOnly() throws {
        let path = FilePath("/proc/espalier.safetensors")
        let error = #expect(throws: FormatError.self) { try AtomicFile.write(to: path) { try $0.append("x") } }
        #expect(error?.description.hasPrefix("/proc/espalier.safetensors: cannot be written: ") == true)
    }
}
