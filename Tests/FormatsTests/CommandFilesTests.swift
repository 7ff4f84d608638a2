internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Outputs that would overwrite inputs.
struct CommandFilesTests {
    private func refusal(in directory: FilePath, _ add: (inout CommandFiles) -> Void) -> String? {
        var files = CommandFiles()
        add(&files)
        do {
            try files.check()
            return nil
        } catch {
            return "\(error)".replacingOccurrences(of: directory.string, with: "DIR")
        }
    }

    @Test("an output that is an input by its path, or by a symbolic or hard link, is refused with both options")
    func links() throws {
        try Places.temporary { directory in
            let data = directory.appending("data")
            try write([1], to: data)
            for (name, link) in [("soft", symlink), ("hard", Foundation.link)] {
                #expect(link(data.string, directory.appending(name).string) == 0)
            }
            let folder = directory.appending("folder")
            #expect(symlink(directory.string, folder.string) == 0)
            for (output, same) in [
                (data, ""), (directory.appending("soft"), ", as DIR/data"),
                (directory.appending("hard"), ", as DIR/data"),
                (folder.appending("data"), ", as DIR/data"),
            ] {
                let found = refusal(in: directory) { files in
                    files.read(data, as: "--data")
                    files.write(output, as: "--output")
                }
                let place = output.string.replacingOccurrences(of: directory.string, with: "DIR")
                let text = "--output would overwrite what --data reads\(same); choose another --output"
                #expect(found == "\(place): \(text)")
            }
        }
    }

    @Test("a result replaces no file of a model or a run, nor adds one; others in its directory it may")
    func results() throws {
        func written(_ name: String, in directory: FilePath) -> String? {
            refusal(in: directory) { $0.write(result: directory.appending(name), as: "--output") }
        }
        for sign in ["config.json", "adapter_config.json", "espalier-run.json"] {
            try Places.temporary { directory in
                #expect(written("metrics.jsonl", in: directory) == nil)
                for name in [sign, "model.safetensors", "logps.safetensors"] {
                    try write([1], to: directory.appending(name))
                }
                let known = [
                    sign, "model.safetensors", "adapter_model.safetensors", "metrics.jsonl", "summary.json",
                    "README.md",
                    "chat_template.jinja", "tokenizer.json",
                ]
                for name in known {
                    let text = "belongs to the model or the run in its directory; choose another --output"
                    #expect(written(name, in: directory) == "DIR/\(name): \(text)")
                }
                for name in ["report.html", "logps.safetensors", "eval_results.json", "heldout.jsonl"] {
                    #expect(written(name, in: directory) == nil)
                }
            }
        }
    }

    @Test("the files of a model are inputs, other files in its directory are not")
    func models() throws {
        try Places.temporary { directory in
            for name in ["a.safetensors", "tokenizer.json", "config.json", "best.safetensors", "eval.json"] {
                try write([1], to: directory.appending(name))
            }
            let map = #"{"weight_map": {"w": "a.safetensors"}}"#
            try write(map, to: directory.appending("model.safetensors.index.json"))
            func writing(_ name: String) -> String? {
                refusal(in: directory) { files in
                    files.read(modelIn: directory, as: "--model")
                    files.write(directory.appending(name), as: "--json")
                }
            }
            for name in [
                "a.safetensors", "tokenizer.json", "config.json", "model.safetensors", "model.safetensors.index.json",
            ] {
                #expect(writing(name)?.contains("--json would overwrite what --model reads") == true, "\(name)")
            }
            for name in ["new.json", "eval.json", "best.safetensors"] { #expect(writing(name) == nil, "\(name)") }
        }
    }

    @Test("two outputs in one file are refused, whether it exists or not")
    func outputs() throws {
        try Places.temporary { directory in
            for exists in [false, true] {
                let file = directory.appending("file")
                if exists { try write([1], to: file) }
                let found = refusal(in: directory) { files in
                    files.write(file, as: "--csv")
                    files.write(directory.appending(".").appending("file"), as: "--json")
                }
                #expect(found == "DIR/./file: --csv and --json would both write it; choose another --json")
            }
            #expect(
                refusal(in: directory) { files in
                    files.read(directory.appending("none"), as: "--data")
                    files.write(directory.appending("other"), as: "--json")
                    files.write(FilePath(""), as: "--csv")
                    files.write(FilePath(""), as: "--html")
                } == nil
            )
        }
    }
}
