internal import Formats
internal import SystemPackage

extension FuzzTarget {
    static let json = FuzzTarget("json") {
        { bytes in
            let value = try StrictJSON.value(of: bytes)
            for text in [value.line, value.page()] {
                let again = try? Array(text.utf8).withUnsafeBytes { try StrictJSON.value(of: $0) }
                precondition(again == value, "a value that is written and read is the same")
            }
        }
    }

    /// A file, including its eight bytes of length.
    static let safetensors = FuzzTarget("safetensors") {
        let file = ScratchFile("fuzz.safetensors")
        return { bytes in
            file.write(bytes)
            try read(file.path)
        }
    }

    /// A header up to the first zero byte, with the correct length; data follow the zero byte.
    static let header = FuzzTarget("header") {
        let file = ScratchFile("header.safetensors")
        return { bytes in
            let header = bytes.prefix { $0 != 0 }
            let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
            (length + header + bytes.dropFirst(header.count + 1)).withUnsafeBytes { file.write($0) }
            try read(file.path)
        }
    }

    private static func read(_ path: FilePath) throws {
        let file = try SafetensorsFile(path)
        for info in file.tensors.values {
            let count: Int
            switch info.elementType {
            case .int32: count = try file.int32s(info.name).count
            case .int64: count = try file.int64s(info.name).count
            case .float64: count = try file.float64s(info.name).count
            case .float32, .bfloat16, .float16:
                var values = [Float](repeating: 0, count: info.elementCount)
                var span = values.mutableSpan
                try file.read(info.name, shape: info.shape, into: &span)
                count = values.count
            default: count = info.elementCount
            }
            precondition(count == info.shape.reduce(1, *), "the number of elements follows from the shape")
        }
    }

    static let index = FuzzTarget("index") {
        let directory = FilePath("sharded")
        for (name, tensor) in [("1.safetensors", "a"), ("2.safetensors", "b")] {
            try directory.makeDirectory()
            let entries = [SafetensorsEntry(name: tensor, [1, 2] as [Float])]
            try SafetensorsWriter.write(entries, to: directory.appending(name))
        }
        let file = ScratchFile(directory.appending("model.safetensors.index.json"))
        return { bytes in
            file.write(bytes)
            let weights = try ModelWeights(directory: directory)
            for name in weights.names {
                var values: [Float] = [0, 0]
                var span = values.mutableSpan
                try weights.read(name, shape: [2], into: &span)
                precondition(values == [1, 2], "what the shards hold")
            }
        }
    }

    /// A model card, of which nothing is refused.
    static let card = FuzzTarget("card") {
        { bytes in
            let card = CardMetadata(text: String(decoding: bytes, as: UTF8.self))
            let id = card.mentionedID(named: "Name")
            precondition(id.map { $0.hasSuffix("/Name") && CardMetadata.isHubID($0) } ?? true, "a whole identifier")
            let texts = [card.license, card.licenseName, card.licenseLink].compactMap { $0 } + card.languages
            precondition(!texts.contains { $0.utf8.contains(UInt8(ascii: "\n")) }, "texts of one line")
        }
    }

    static let manifest = FuzzTarget("manifest") {
        let directory = FilePath("set")
        try directory.makeDirectory()
        try AtomicFile.write(to: directory.appending("a")) { try $0.append("first") }
        let file = ScratchFile(directory.appending(DirectoryManifest.fileName))
        return { bytes in
            file.write(bytes)
            let names = try DirectoryManifest(verifying: directory).names
            precondition(names.isEmpty || names == ["a"], "files that are there")
        }
    }
}
