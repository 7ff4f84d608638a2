internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The files that a run copies from its model's directory, besides the weights.
@Suite(.serialized)
struct CompanionTests {
    private static let template = "additional_chat_templates/tool_use.jinja"

    /// A copy of the tiny model with these files, each of which holds its own name.
    private func model(in directory: FilePath, _ files: [String]) throws -> FilePath {
        let copy = directory.appending("source")
        try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: copy.string)
        for name in files {
            let path = copy.appending(name)
            try path.removingLastComponent().makeDirectory()
            try name.write(toFile: path.string, atomically: true, encoding: .utf8)
        }
        return copy
    }

    private func train(_ model: FilePath, _ output: FilePath, _ flags: [String] = []) throws -> Outcome {
        let shared = ["--model", model.string, "--data", Golden.tied.file.string, "--threads", "1"]
        let run = ["--output", output.string, "--max-steps", "2", "--global-batch-size", "2"]
        return try Launch.run("espalier", ["train"] + shared + run + flags, solo: true)
    }

    private func names(_ directory: FilePath) throws -> Set<String> {
        Set(try FileManager.default.subpathsOfDirectory(atPath: directory.string))
    }

    @Test("files of tokenizer, templates, processor, generation settings and licence are copied, also to checkpoints")
    func companions() throws {
        let kept = [
            "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
            "tokenizer.model", "generation_config.json", "chat_template.jinja", "preprocessor_config.json", "LICENSE",
            "USE_POLICY.md", Self.template,
        ]
        let records = [
            "trainer_state.json", "pytorch_model.bin.index.json", "all_results.json",
            "trace.json", "phases.txt", "report.html", "summary.json", "metrics.jsonl", "espalier.yaml",
            "espalier-state.json", "espalier-run.json", "reference.safetensors.journal", "manifest.json", "README.md",
            "runs/events.json",
            "checkpoint-3/vocab.json", "training_args.bin",
        ]
        let unknown = ["notes.txt", "quantize_config.json", "tokenization_own.py"]
        try Places.temporary { directory in
            let source = try model(in: directory, kept + records + unknown)
            let output = directory.appending("tuned")
            let outcome = try train(source, output, ["--save-steps", "1"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let folder = "additional_chat_templates"
            let own = ["config.json", "model.safetensors", "metrics.jsonl", "espalier.yaml"]
            let model = Set(kept + [folder] + own)
            let checkpoint = model.union(["espalier-state.json", "manifest.json", "optimizer.safetensors"])
            #expect(try names(output.appending("checkpoint-1")) == checkpoint)
            let found = try names(output).filter { !$0.hasPrefix("checkpoint-1/") }
            let others = ["summary.json", "report.html", "espalier-run.json", "checkpoint-1", "latest", "README.md"]
            #expect(found == model.union(others))
            for name in kept {
                for place in [output, output.appending("checkpoint-1")] {
                    #expect(try String(contentsOfFile: place.appending(name).string, encoding: .utf8) == name)
                }
            }
            let reports = outcome.errors.components(separatedBy: "\n").filter { $0.contains("not copied") }
            let reason = "not known as files of a tokenizer, a processor or generation settings"
            let list = "notes.txt, quantize_config.json, tokenization_own.py"
            #expect(reports == ["note: \(source): not copied, \(reason): \(list)"])
        }
    }

    @Test("the files of a trained model are copied without the records of its run, and nothing is reported")
    func again() throws {
        try Places.temporary { directory in
            let first = directory.appending("first")
            let source = try model(in: directory, [Self.template, "vocab.txt"])
            #expect(try train(source, first, ["--profile-phases", "--save-steps", "1"]).status == 0)
            #expect(try names(first).isSuperset(of: ["trace.json", "phases.txt", "checkpoint-1", "vocab.txt"]))
            let second = directory.appending("second")
            for model in [first, first.appending("checkpoint-1")] {
                let outcome = try train(model, second)
                #expect(outcome.status == 0 && !outcome.errors.contains("not copied"), "\(outcome.errors)")
                let expected: Set = [
                    "config.json", "model.safetensors", "metrics.jsonl", "espalier.yaml", "summary.json", "vocab.txt",
                    "additional_chat_templates", Self.template, "espalier-run.json", "report.html", "README.md",
                ]
                #expect(try names(second) == expected)
                try FileManager.default.removeItem(atPath: second.string)
            }
        }
    }

    @Test("a run resumes from a checkpoint with a folder of templates, and refuses one with a changed template")
    func resumed() throws {
        try Places.temporary { directory in
            let (source, output) = (try model(in: directory, [Self.template]), directory.appending("tuned"))
            #expect(try train(source, output, ["--save-steps", "1"]).status == 0)
            try reopen(output)
            let resumed = try train(source, output, ["--resume"])
            #expect(resumed.status == 0 && resumed.errors.contains("checkpoint-1"), "\(resumed.errors)")
            let template = output.appending("checkpoint-1").appending(Self.template)
            try write("additional_chat_templates/tool_use.JINJA", to: template)
            try reopen(output)
            let changed = try train(source, output, ["--resume"])
            #expect(changed.status == 64)
            #expect(changed.errors.contains("\(template): its SHA-256 differs from manifest.json"))
        }
    }

    @Test("a template that links to a file outside the model is refused", arguments: [true, false])
    func links(isFolder: Bool) throws {
        try Places.temporary { directory in
            let source = try model(in: directory, [Self.template])
            let (template, secret) = (source.appending(Self.template), directory.appending("secret"))
            try secret.makeDirectory()
            try write("{}", to: secret.appending("tool_use.jinja"))
            let link = isFolder ? template.removingLastComponent() : template
            let target = isFolder ? secret : secret.appending("tool_use.jinja")
            try FileManager.default.removeItem(atPath: link.string)
            #expect(symlink(target.string, link.string) == 0)
            let outcome = try train(source, directory.appending("tuned"))
            #expect(outcome.status == 64)
            #expect(outcome.errors.hasPrefix("error: \(template): "), "\(outcome.errors)")
            #expect(outcome.errors.contains("to a file outside") && outcome.errors.count { $0 == "\n" } == 1)
        }
    }

    // MARK: Adapters

    @Test("a model with an adapter, and an output with one, are refused before anything is written")
    func adapters() throws {
        try Places.temporary { directory in
            let source = try model(in: directory, ["adapter_config.json", "adapter_model.safetensors"])
            let output = directory.appending("tuned")
            let outcome = try train(source, output)
            #expect(outcome.status == 64 && !FileManager.default.fileExists(atPath: output.string))
            let own = source.appending("adapter_config.json")
            let found = "and adapter_model.safetensors are an adapter in the directory of a model, which "
            #expect(outcome.errors.hasPrefix("error: \(own): \(found)"))
            try output.makeDirectory()
            let left = output.appending("adapter_config.json")
            try write("{}", to: left)
            let refused = try train(Golden.tied.directory, output)
            #expect(refused.status == 64)
            let message = "is an adapter's, and transformers would apply one to the other"
            #expect(refused.errors == "error: \(left): \(message); remove it, or choose another --output\n")
            #expect(try names(output) == ["adapter_config.json"])
        }
    }
}
