internal import Formats
internal import Foundation
internal import Preferences
internal import SystemPackage
internal import Testing

/// Valid files as `espalier-prepare` writes them, and invalid ones.
final class LoadingTests {
    private let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    private var path: FilePath { FilePath(directory.appendingPathComponent("data.safetensors").path) }

    init() throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }

    private static let metadata = ["format": "espalier-preferences", "format_version": "1", "max_length": "1024"]

    /// One example: the prompt 7 8 with the responses 1 2 and 3.
    private func write(
        metadata: [String: String] = metadata,
        exampleOffsets: [Int64] = [0, 2],
        more: [SafetensorsEntry] = [],
        leavingOut: String? = nil
    ) throws {
        let entries = [
            "prompt_ids": SafetensorsEntry(name: "prompt_ids", [7, 8] as [Int32]),
            "prompt_offsets": SafetensorsEntry(name: "prompt_offsets", [0, 2] as [Int64]),
            "response_ids": SafetensorsEntry(name: "response_ids", [1, 2, 3] as [Int32]),
            "response_offsets": SafetensorsEntry(name: "response_offsets", [0, 2, 3] as [Int64]),
            "row_offsets": SafetensorsEntry(name: "row_offsets", exampleOffsets),
        ]
        let kept = entries.filter { $0.key != leavingOut }.map(\.value)
        try SafetensorsWriter.write(kept + more, metadata: metadata, to: path)
    }

    private func refusal() -> String? {
        #expect(throws: FormatError.self) { try PreferenceDataset.read(path: self.path) }?.description
    }

    @Test("a written file is read back")
    func readsBack() throws {
        try write()
        let dataset = try PreferenceDataset.read(path: path)
        #expect(dataset.count == 1 && Array(dataset.prompt(0)) == [7, 8])
        #expect(dataset.responses(of: 0).map { Array(dataset.response($0)) } == [[1, 2], [3]])
        #expect(dataset.metadata == Self.metadata)
        #expect(dataset.digest == (try PreferenceDataset([PreferenceExample([7, 8], [[1, 2], [3]])]).digest))
    }

    @Test("tensors of unknown meaning are kept by name, known ones without effect are not")
    func unknownTensors() throws {
        try write(more: [SafetensorsEntry(name: "source_rows", [0] as [Int64])])
        #expect(try PreferenceDataset.read(path: path).unreadTensors == [])
        try write(more: ["response_weights", "loss_mask"].map { SafetensorsEntry(name: $0, [1, 2] as [Float]) })
        #expect(try PreferenceDataset.read(path: path).unreadTensors == ["loss_mask", "response_weights"])
    }

    @Test("a file laid out byte by byte is read")
    func readsBytes() throws {
        let header = """
            {"__metadata__":{"format":"espalier-preferences","format_version":"1"},\
            "row_offsets":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},\
            "prompt_offsets":{"dtype":"I64","shape":[2],"data_offsets":[16,32]},\
            "response_offsets":{"dtype":"I64","shape":[3],"data_offsets":[32,56]},\
            "prompt_ids":{"dtype":"I32","shape":[1],"data_offsets":[56,60]},\
            "response_ids":{"dtype":"I32","shape":[3],"data_offsets":[60,72]}}
            """
        var bytes = Data()
        func append(_ integers: some Sequence<some FixedWidthInteger>) {
            for integer in integers { withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0) } }
        }
        append([UInt64(header.utf8.count)])
        bytes.append(contentsOf: header.utf8)
        append([0, 2, 0, 1, 0, 1, 3] as [Int64])
        append([258, 1, 65_536, -1] as [Int32])
        try bytes.write(to: URL(fileURLWithPath: path.string))
        let dataset = try PreferenceDataset.read(path: path)
        #expect(Array(dataset.prompt(0)) == [258])
        #expect(dataset.responses(of: 0).map { Array(dataset.response($0)) } == [[1], [65_536, -1]])

        try bytes.dropLast(5).write(to: URL(fileURLWithPath: path.string))
        #expect(
            refusal()
                == "\(path): truncated: 5 of \(bytes.count) bytes are missing; copy the file again, or prepare it again with espalier-prepare"
        )
    }

    @Test("a missing file is named")
    func missing() {
        #expect(
            refusal() == "\(path): expected preferences that espalier-prepare wrote, found no such file; prepare them: "
                + "espalier-prepare --model MODEL --data SOURCE --output FILE"
        )
    }

    @Test(
        "a file of another kind or version is refused with its format",
        arguments: [
            ([:], "no format in the metadata"),
            (["format": "pt"], "the format pt"),
            (["format": "espalier-preferences"], "no version"),
            (["format": "espalier-preferences", "format_version": "3"], "version 3"),
        ] as [([String: String], String)]
    )
    func otherFormats(metadata: [String: String], found: String) throws {
        try write(metadata: metadata)
        #expect(
            refusal() == "\(path): expected prepared preferences of format version 1 or 2, found \(found); "
                + "prepare the data with espalier-prepare"
        )
    }

    private static let second = metadata.merging(["format_version": "2"]) { $1 }

    @Test("ranks and skips are read if present")
    func ranksAndSkips() throws {
        try write(metadata: Self.second)
        let plain = try PreferenceDataset.read(path: path)
        #expect(plain.responseRanks == nil && plain.responseSkips == nil)
        try write(
            metadata: Self.second,
            more: [
                SafetensorsEntry(name: "response_ranks", [0, 1] as [Int32]),
                SafetensorsEntry(name: "response_skips", [1, 0] as [Int32]),
            ]
        )
        let dataset = try PreferenceDataset.read(path: path)
        #expect(dataset.responseRanks == [0, 1] && dataset.ranks(of: 0) == [0, 1])
        #expect(dataset.responseSkips == [1, 0] && [0, 1].map(dataset.countedRange) == [1..<2, 2..<3])
    }

    @Test("ranks and skips of another type or count are refused, with the file")
    func unfitRanksAndSkips() throws {
        let remedy = "; prepare the data again with espalier-prepare"
        try write(metadata: Self.second, more: [SafetensorsEntry(name: "response_ranks", [0, 1] as [Int64])])
        #expect(refusal() == "\(path): tensor response_ranks: expected I32, found I64")
        try write(metadata: Self.second, more: [SafetensorsEntry(name: "response_ranks", [0, 0] as [Int32])])
        #expect(refusal() == "\(path): example 0: all 2 responses have the same rank, so none is preferred" + remedy)
        try write(metadata: Self.second, more: [SafetensorsEntry(name: "response_skips", [0] as [Int32])])
        #expect(
            refusal() == "\(path): response_skips must have one entry per response, 2, found 1" + remedy
        )
    }

    @Test("a file without one of the five arrays is refused by the name of the array")
    func missingArray() throws {
        try write(leavingOut: "response_ids")
        #expect(refusal() == "\(path): has no tensor response_ids")
    }

    @Test("ids of another element type are refused")
    func otherElementType() throws {
        let entries = [
            SafetensorsEntry(name: "prompt_ids", [7, 8] as [Int64]),
            SafetensorsEntry(name: "prompt_offsets", [0, 2] as [Int64]),
        ]
        try SafetensorsWriter.write(entries, metadata: Self.metadata, to: path)
        #expect(refusal() == "\(path): tensor prompt_ids: expected I32, found I64")
    }

    @Test("inconsistent arrays are refused, with the file")
    func misfit() throws {
        try write(exampleOffsets: [0, 3])
        #expect(
            refusal() == "\(path): row_offsets must ascend from 0 to 2, found 3 at the end; "
                + "prepare the data again with espalier-prepare"
        )
    }

    @Test("offsets that descend, start above 0 or are extremes of Int64 are refused")
    func offsets() throws {
        for (offsets, found) in [
            ([0, 3, 2], "2 after 3 at entry 2"), ([1, 2], "1 at the start"),
            ([0, .max], "9223372036854775807 at the end"),
            ([0, .min], "-9223372036854775808 after 0 at entry 1"), ([], "no entry"),
        ] as [([Int64], String)] {
            try write(exampleOffsets: offsets)
            #expect(
                refusal() == "\(path): row_offsets must ascend from 0 to 2, found \(found); "
                    + "prepare the data again with espalier-prepare"
            )
        }
    }

    @Test("an example with more responses than the maximum is refused")
    func manyResponses() throws {
        let count = 1025
        let row = PreferenceExample([1], (0..<count).map { [Int32($0)] })
        let error = #expect(throws: DatasetError.self) { try PreferenceDataset([row]) }
        let message = "example 0 has 1025 responses, the maximum is 1024; prepare the data again with espalier-prepare"
        #expect(error?.description == message)
        #expect(try PreferenceDataset([PreferenceExample([1], Array(row.responses.dropLast()))]).responseCount == 1024)
    }
}
