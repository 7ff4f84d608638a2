internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Weights that are written in the files of another model.
struct WeightLayoutTests {
    private struct Interruption: Error, Equatable {}

    private func entry(_ name: String, _ values: [Float]) -> SafetensorsEntry { SafetensorsEntry(name: name, values) }

    /// The layout of a model with these tensors in each file; a single file is `model.safetensors`.
    private func makeLayout(_ files: [String: [String]], in directory: FilePath) throws -> WeightLayout {
        try directory.makeDirectory()
        for (file, names) in files {
            try SafetensorsWriter.write(names.map { entry($0, [0]) }, to: directory.appending(file))
        }
        if files[WeightFiles.single] == nil {
            let map = files.flatMap { file, names in names.map { ($0, file) } }
            let index: [String: Any] = [
                "metadata": ["total_size": 2, "total_parameters": 3], "more": [1.5],
                "weight_map": Dictionary(uniqueKeysWithValues: map),
            ]
            let json = try JSONSerialization.data(withJSONObject: index)
            try write(Array(json), to: directory.appending(WeightFiles.index))
        }
        return try ModelWeights(directory: directory).layout
    }

    private static let two = ["1.safetensors": ["a", "c"], "2.safetensors": ["b"]]

    @Test("shards get the same names and tensors, and an index with their size and the keys of the original")
    func shards() throws {
        try Places.temporary { directory in
            let layout = try makeLayout(Self.two, in: directory.appending("source"))
            let output = directory.appending("output")
            try output.makeDirectory()
            let entries = [entry("a", [1, 2]), entry("b", [3]), entry("c", [4, 5, 6])]
            try layout.write(entries, metadata: ["format": "pt"], to: output)
            #expect(try names(in: output) == ["1.safetensors", "2.safetensors", WeightFiles.index])
            for (name, tensors) in Self.two {
                let file = try SafetensorsFile(output.appending(name))
                #expect(Set(file.tensors.keys) == Set(tensors) && file.metadata == ["format": "pt"])
            }
            #expect(try SafetensorsFile(output.appending("1.safetensors")).float32s("c") == [4, 5, 6])
            let text = try String(contentsOfFile: output.appending(WeightFiles.index).string, encoding: .utf8)
            #expect(
                text == """
                    {
                      "metadata": {
                        "total_parameters": 3,
                        "total_size": 24
                      },
                      "more": [
                        1.5
                      ],
                      "weight_map": {
                        "a": "1.safetensors",
                        "b": "2.safetensors",
                        "c": "1.safetensors"
                      }
                    }

                    """
            )
            #expect(try ModelWeights(directory: output).layout.files == layout.files)
        }
    }

    @Test("the size on disk is at most the tensors' and the overhead of the layout", arguments: [1, 40])
    func size(count: Int) throws {
        try Places.temporary { directory in
            let files = (0..<count).map { file in ("\(file).safetensors", (0..<9).map { "tensor.\(file).\($0)" }) }
            let source = directory.appending("source")
            let layout = try makeLayout(Dictionary(uniqueKeysWithValues: files), in: source)
            let output = directory.appending("output")
            try output.makeDirectory()
            let entries = files.flatMap { $0.1 }.map { entry($0, [1, 2, 3]) }
            try layout.write(entries, metadata: ["format": "pt"], to: output)
            // In blocks of 512 bytes, as the system counts them.
            let onDisk = try names(in: output).reduce(0) { sum, name in
                var status = Foundation.stat()
                #expect(stat(output.appending(name).string, &status) == 0)
                return sum + Int(status.st_blocks) * 512
            }
            let tensors = entries.reduce(0) { $0 + $1.byteCount }
            #expect(onDisk > tensors && onDisk <= tensors + layout.overhead)
        }
    }

    @Test(
        "weights of another layout are replaced, and none of their files stays",
        arguments: [
            ["model.safetensors": ["a", "b", "c"]], two, ["2.safetensors": ["a"], "3.safetensors": ["b", "c"]],
        ],
        [["model.safetensors": ["a", "b", "c"]], two, ["1.safetensors": ["b"], "4.safetensors": ["a", "c"]]]
    )
    func replaced(before: [String: [String]], after: [String: [String]]) throws {
        try Places.temporary { directory in
            let output = directory.appending("output")
            _ = try makeLayout(before, in: output)
            // Neither part of a model nor of its index.
            try write("x", to: output.appending("other.safetensors"))
            let layout = try makeLayout(after, in: directory.appending("source"))
            try layout.write(["a", "b", "c"].map { entry($0, [9]) }, metadata: [:], to: output)
            let index = layout.isSharded ? [WeightFiles.index] : []
            #expect(try names(in: output) == (after.keys + index + ["other.safetensors"]).sorted())
            let weights = try ModelWeights(directory: output)
            #expect(weights.ignoredIndex == nil && weights.layout.files == layout.files)
            for file in layout.files {
                let read = try SafetensorsFile(output.appending(file.name))
                for tensor in file.tensors { #expect(try read.float32s(tensor) == [9]) }
            }
        }
    }

    @Test("if a shard cannot be written, all weights stay as they are, also of another layout", arguments: [two, nil])
    func failed(before: [String: [String]]?) throws {
        try Places.temporary { directory in
            let output = directory.appending("output")
            _ = try makeLayout(before ?? ["model.safetensors": ["a", "b", "c"]], in: output)
            let former = try storedTensors(output)
            let files = try names(in: output)
            let layout = try makeLayout(Self.two, in: directory.appending("source"))
            let broken = SafetensorsEntry(name: "b", shape: [1]) { _ in throw Interruption() }
            #expect(throws: Interruption()) {
                try layout.write([entry("a", [9]), broken, entry("c", [9])], metadata: [:], to: output)
            }
            #expect(try storedTensors(output) == former && names(in: output) == files)
        }
    }

    @Test("if a shard cannot get its name after others have theirs, the directory is no model instead of a mixture")
    func interrupted() throws {
        try Places.temporary { directory in
            let output = directory.appending("output")
            let layout = try makeLayout(Self.two, in: output)
            let first = output.appending("1.safetensors")
            let entries = [entry("a", [9]), entry("c", [9])]
            let last = SafetensorsEntry(name: "b", shape: [1]) { body in
                #expect(unlink(first.string) == 0)
                try first.makeDirectory()
                try body([9 as Float].span)
            }
            let error = #expect(throws: FormatError.self) {
                try layout.write(entries + [last], metadata: [:], to: output)
            }
            #expect(error?.description.hasPrefix("\(first): cannot be written: ") == true)
            #expect(try SafetensorsFile(output.appending("2.safetensors")).float32s("b") == [9])
            #expect(try names(in: output) == ["1.safetensors", "2.safetensors"])
            #expect(throws: FormatError.self) { try ModelWeights(directory: output) }
        }
    }

    @Test("no file of several has its name before all are on disk, and the first gets it last")
    func order() throws {
        try Places.temporary { directory in
            let paths = ["index", "1", "2"].map { directory.appending($0) }
            let error = #expect(throws: FormatError.self) {
                try AtomicFile.write(paths.map { path in (path, { try $0.append("new") }) }) {
                    #expect(try names(in: directory).count { $0.hasSuffix(".tmp") } == 3)
                    #expect(paths.allSatisfy { !exists($0) })
                    // The last gets its name first: what prevents it prevents all others.
                    try paths[2].makeDirectory()
                }
            }
            #expect(error?.description.hasPrefix("\(paths[2]): cannot be written: ") == true)
            #expect(try names(in: directory) == ["2"])
            try FileManager.default.removeItem(atPath: paths[2].string)
            try AtomicFile.write(paths.map { path in (path, { try $0.append("new") }) }) {}
            #expect(try names(in: directory) == ["1", "2", "index"])
        }
    }

    @Test("names that readers do not take for shards, or that are hidden or paths, are none")
    func shardNames() {
        let valid = ["model-00001-of-00002.safetensors", "a.safetensors"]
        let invalid = ["config.json", ".a.safetensors", "a/b.safetensors", "model.safetensors.index.json", ""]
        #expect(valid.allSatisfy(WeightFiles.isShardName) && !invalid.contains(where: WeightFiles.isShardName))
    }
}
