internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Files of another kind than the expected one.
struct FileKindTests {
    private static let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

    /// Bytes, and the kind that they are.
    private static let files: [([UInt8], FileKind)] = [
        ([], .empty), (Array(pointer.utf8), .pointer),
        (Array("<!DOCTYPE html>\n<html><body>404".utf8), .html), (Array("\n <html lang=\"en\">".utf8), .html),
        (Array("GGUF".utf8) + [3, 0, 0, 0, 0], .gguf), (Array("PAR1".utf8) + [0x15, 4], .parquet),
        (Array("PK\u{3}\u{4}".utf8) + [0, 0, 8, 8], .zip), ([0x80, 2, 0x8A, 10], .pickle),
        ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], .compressed), ([0x89] + Array("HDF\r\n".utf8), .hdf5),
        ([0x93] + Array("NUMPY".utf8), .numpy), (Array("ARROW1".utf8), .arrow),
        (Array("{\"prompt\": \"x\", \"chosen\": \"y\"}\n".utf8), .json), (Array("\u{FEFF}[\n{}]".utf8), .json),
        (Array("beta: 0.1\n".utf8), .text), (Array("prompt,chosen,rejected\n".utf8), .text),
        // A character that the examined part cuts.
        (Array(("a" + String(repeating: "é", count: 400)).utf8), .text),
    ]

    @Test("the kind of a file is recognized by its content, and named with a remedy", arguments: files)
    func kinds(bytes: [UInt8], kind: FileKind) throws {
        try Places.temporary { directory in
            let path = directory.appending("file")
            try write(bytes, to: path)
            #expect(FileKind(path) == kind)
            for (content, name) in [
                (SafetensorsContent.preferences, "preferences that espalier-prepare wrote"),
                (.weights, "weights of a model in safetensors"), (.referenceLogps, "a reference cache"),
                (.checkpoint, "a checkpoint's tensors in safetensors"),
            ] {
                let error = #expect(throws: FormatError.self) { try SafetensorsFile(path, content) }
                let message = try #require(error?.message)
                #expect(message.hasPrefix("expected \(name), found \(kind.rawValue); "), "\(message)")
            }
        }
    }

    @Test("a safetensors file is of no other kind, whatever the length of its header begins with")
    func safetensors() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            // 0x0A7B begins with {, and 0x088B1F with the signature of gzip.
            for length in [0x0A7B, 0x08_8B1F, 0x80, 0x0280] {
                try writeSafetensors("{}" + String(repeating: " ", count: length - 2), to: path)
                #expect(FileKind(path) == nil)
                #expect(try SafetensorsFile(path).tensors.isEmpty)
            }
            try write((0..<200).map { UInt8($0 * 7 & 0xFF) }, to: path)
            #expect(FileKind(path) == nil && FileKind(directory.appending("none")) == nil)
        }
    }

    @Test("a remedy fits the kind and the use of a file")
    func remedies() throws {
        try Places.temporary { directory in
            let path = directory.appending("file")
            let prepare = "espalier-prepare --model MODEL --data \(path) --output train.safetensors"
            for (bytes, content, remedy) in [
                (Array("{\"prompt\": 1}".utf8), SafetensorsContent.preferences, "tokenize it first: \(prepare)"),
                (Array("PAR1".utf8), .preferences, "tokenize it first: \(prepare)"),
                (Array("GGUF".utf8), .weights, "convert it: espalier-import-gguf \(path) DIR"),
                (Array(Self.pointer.utf8), .weights, "fetch the file itself with git lfs pull or hf download"),
                ([], .preferences, "copy the file again, or prepare it again with espalier-prepare"),
                ([], .weights, "download or copy the model again"),
                ([], .referenceLogps, "remove the file to recompute it, or choose another --reference-cache"),
                (Array("text".utf8), .referenceLogps, "choose another --reference-cache"),
            ] {
                try write(bytes, to: path)
                let error = #expect(throws: FormatError.self) { try SafetensorsFile(path, content) }
                #expect(error?.message.hasSuffix("; \(remedy)") == true, "\(error?.message ?? "")")
            }
        }
    }

    @Test("a truncated file is named with the remedy of its use")
    func truncated() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            let header = #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
            for (content, remedy) in [
                (SafetensorsContent.preferences, "copy the file again, or prepare it again with espalier-prepare"),
                (.weights, "download or copy the model again"), (.checkpoint, "resume from another checkpoint"),
                (.referenceLogps, "remove the file to recompute it, or choose another --reference-cache"),
            ] {
                try writeSafetensors(header, data: [0, 0, 0], to: path)
                expectRefusal(path, "truncated: 5 of \(8 + header.utf8.count + 8) bytes are missing; \(remedy)") {
                    _ = try SafetensorsFile(path, content)
                }
                try writeSafetensors(header, data: [], length: 1000, to: path)
                expectRefusal(
                    path,
                    "truncated: \(1000 - header.utf8.count) of at least 1008 bytes are missing; \(remedy)"
                ) { _ = try SafetensorsFile(path, content) }
            }
        }
    }

    @Test("a model directory with weights of another format is refused with the conversion")
    func otherWeights() throws {
        for (name, remedy) in [
            ("model.gguf", "convert it: espalier-import-gguf DIR/model.gguf DIR"),
            ("pytorch_model.bin", "convert the model to safetensors with save_pretrained of transformers"),
        ] {
            try Places.temporary { directory in
                try write([1], to: directory.appending(name))
                let error = #expect(throws: FormatError.self) { try ModelWeights(directory: directory) }
                let message = error?.message.split(separator: directory.string).joined(separator: "DIR")
                #expect(
                    message
                        == "expected a Hugging Face model with model.safetensors or its index, found \(name); \(remedy)"
                )
            }
        }
    }
}
