internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Data that was prepared with another chat template than the model's.
@Suite(.serialized)
struct TemplateWarningTests {
    private static let template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    private static let digest: String = {
        var digest = Digest()
        digest.update(template)
        return digest.hexadecimal
    }()

    /// The golden data with this digest of a template.
    private func data(_ digest: String?, in directory: FilePath) throws -> FilePath {
        let (golden, path) = (try SafetensorsFile(Golden.tied.expected), directory.appending("data.safetensors"))
        let tokens = try ["prompt_ids", "response_ids"].map { SafetensorsEntry(name: $0, try golden.int32s($0)) }
        let offsets = try ["prompt_offsets", "response_offsets", "row_offsets"].map {
            SafetensorsEntry(name: $0, try golden.int64s($0))
        }
        var metadata = ["format": "espalier-preferences", "format_version": "1"]
        metadata["template_digest"] = digest
        try SafetensorsWriter.write(tokens + offsets, metadata: metadata, to: path)
        return path
    }

    /// The golden model with these files.
    private func model(_ files: [String: String], in directory: FilePath) throws -> FilePath {
        let path = directory.appending("model")
        try? FileManager.default.removeItem(atPath: path.string)
        try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: path.string)
        for (name, text) in files {
            let file = path.appending(name)
            try file.removingLastComponent().makeDirectory()
            try text.write(toFile: file.string, atomically: true, encoding: .utf8)
        }
        return path
    }

    /// The warnings of a command about templates, with `DATA` and `MODEL` for the paths.
    private func warnings(_ files: [String: String], _ digest: String?, _ command: [String]) throws -> [String] {
        try Places.temporary { directory in
            let (model, data) = (try model(files, in: directory), try data(digest, in: directory))
            let shared = ["--model", model.string, "--data", data.string, "--threads", "1"]
            let output = command[0] == "train" ? ["--output", directory.appending("out").string] : []
            let outcome = try Launch.run("espalier", command + shared + output, solo: true)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.errors.split(separator: "\n").filter { $0.contains("chat template") }.map {
                $0.replacingOccurrences(of: data.string, with: "DATA")
                    .replacingOccurrences(of: model.string, with: "MODEL")
            }
        }
    }

    @Test(
        "another template is reported once with both digests and the remedy; the same one is not",
        arguments: [["train", "--max-steps", "1"], ["evaluate"]]
    )
    func other(command: [String]) throws {
        let (file, same) = ("chat_template.jinja", "\(Self.digest.prefix(12))…")
        let start = "warning: DATA: prepared with another chat template (digest "
        let end =
            "), so that conversations have another form; prepare the data with espalier-prepare and this "
            + "model, or give the model the data's template"
        #expect(try warnings([file: Self.template], Self.digest, command) == [])
        #expect(try warnings([file: Self.template], nil, command) == [])
        #expect(try warnings([:], Self.digest, command) == [])
        let other = String(repeating: "0", count: 64)
        #expect(
            try warnings([file: Self.template], other, command)
                == ["\(start)000000000000…) than MODEL has (digest \(same)\(end)"]
        )
        #expect(
            try warnings(["tokenizer_config.json": "{}"], Self.digest, command)
                == ["\(start)\(same)) than MODEL has (none\(end)"]
        )
    }

    @Test("several templates whose order is not known are reported, not guessed")
    func unknown() throws {
        let folder = "additional_chat_templates"
        let files = ["chat_template.jinja": "a", "\(folder)/b.jinja": "b", "\(folder)/c.jinja": "c"]
        let found = try warnings(files, Self.digest, ["train", "--max-steps", "1"])
        #expect(found.count == 1)
        let text = " cannot be compared with that of MODEL: the model has 2 files in "
        #expect(found.first?.contains(text) == true, "\(found)")
    }
}
