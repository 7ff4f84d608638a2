internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Paths without a model, each with the remedy for what is there.
struct MissingModelTests {
    private static let expected = "expected a Hugging Face model directory, found"
    private static let download = "download a model with: hf download ORG/NAME --local-dir DIR"

    @Test("a path at which nothing is may be the name of a model on the Hub")
    func absent() {
        for path in ["/nowhere/model", "./org/name", "a/b/c", "model"] {
            #expect(message(FilePath(path)) == "\(Self.expected) nothing; \(Self.download)")
        }
        #expect(
            message("Qwen/Qwen3-0.6B")
                == "\(Self.expected) nothing; if it is the name of a model on the Hub, download it: "
                + "hf download Qwen/Qwen3-0.6B --local-dir Qwen3-0.6B"
        )
    }

    @Test(
        "a directory with another kind of model is named with the conversion",
        arguments: [
            ("a-Q4_K_M.gguf", "a-Q4_K_M.gguf; convert it: espalier-import-gguf DIR/a-Q4_K_M.gguf DIR"),
            (
                "adapter_config.json",
                "an adapter (adapter_config.json); use --model BASE --adapter DIR, where BASE is the directory of its "
                    + "model"
            ),
            (
                "snapshots/abc/x",
                "a model's directory in the cache of the Hub; name the snapshot in it: DIR/snapshots/abc"
            ),
            ("notes.txt", "no config.json; download a model with: hf download ORG/NAME --local-dir DIR"),
        ]
    )
    func kinds(file: String, text: String) throws {
        try Places.temporary { directory in
            let path = directory.appending(file)
            try FileManager.default.createDirectory(
                atPath: path.removingLastComponent().string,
                withIntermediateDirectories: true
            )
            try write("", to: path)
            let place = text.replacingOccurrences(of: "DIR/", with: "\(directory)/")
                .replacingOccurrences(of: "--adapter DIR", with: "--adapter \(directory)")
            #expect(message(directory) == "\(Self.expected) \(place)")
        }
    }

    @Test("a link to a file that does not exist is reported as one", arguments: ["config.json", "model.safetensors"])
    func links(name: String) throws {
        try Places.temporary { directory in
            #expect(symlink("../blobs/x", directory.appending(name).string) == 0)
            let found = "found \(name) as a link to a file that does not exist; download or copy the model again"
            if name == "config.json" {
                #expect(message(directory).contains(found))
            } else {
                let error = #expect(throws: FormatError.self) { try ModelWeights(directory: directory) }
                #expect(error?.message.contains(found) == true)
            }
            let link = directory.appending("link")
            #expect(symlink("nowhere", link.string) == 0)
            #expect(message(link) == "\(Self.expected) a link to a file that does not exist; \(Self.download)")
        }
    }

    private func message(_ directory: FilePath) -> String { MissingModel.configuration(of: directory).message }
}
