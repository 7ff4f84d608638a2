internal import Foundation
internal import Formats
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Places that an output must not replace are refused before the work, and stay.
@Suite(.serialized)
struct OutputPlaceTests {
    private static let inputs = [
        "--model", Golden.tied.directory.string, "--data", Golden.tied.file.string, "--threads", "1",
    ]

    private func expectRefused(
        _ arguments: [String],
        in directory: FilePath,
        _ message: String,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try Launch.run("espalier", arguments, solo: true)
        let found = outcome.errors.replacingOccurrences(of: directory.string, with: "DIR")
        #expect(outcome.status == 64 && found == "error: \(message)\n", "\(found)", sourceLocation: location)
    }

    private func isPipe(_ path: FilePath) -> Bool { (try? path.stat().type) == .fifo }

    @Test("a pipe, a link to one, and a directory are no output file", arguments: ["logps", "evaluate"])
    func files(command: String) throws {
        try Places.temporary { directory in
            let (pipe, link) = (directory.appending("pipe"), directory.appending("link"))
            #expect(mkfifo(pipe.string, 0o600) == 0 && symlink(pipe.string, link.string) == 0)
            try directory.appending("folder").makeDirectory()
            let remedy = "choose another path"
            for (name, found) in [("pipe", "a FIFO"), ("link", "a FIFO"), ("folder", "a directory")] {
                try expectRefused(
                    [command, "--output", directory.appending(name).string] + Self.inputs,
                    in: directory,
                    "DIR/\(name): expected a regular file or none, found \(found); \(remedy)"
                )
            }
            #expect(isPipe(pipe) && isPipe(link))
            // Where standard output is a regular file, this is a link to one.
            let stream = directory.appending("stream")
            #expect(symlink("/proc/self/fd/1", stream.string) == 0)
            try expectRefused(
                [command, "--output", stream.string] + Self.inputs,
                in: directory,
                "DIR/stream: expected a regular file or none, found a link to an open file of this process; \(remedy)"
            )
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: stream.string) == "/proc/self/fd/1")
        }
    }

    @Test("neither are they files of a run's output directory or its cache")
    func run() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            try output.makeDirectory()
            let train = ["train", "--max-steps", "1", "--output", output.string] + Self.inputs
            for name in ["metrics.jsonl", "summary.json", "model.safetensors"] {
                let pipe = output.appending(name)
                #expect(mkfifo(pipe.string, 0o600) == 0)
                let message = "DIR/out/\(name): expected a regular file or none, found a FIFO; choose another path"
                try expectRefused(train, in: directory, message)
                #expect(isPipe(pipe))
                unlink(pipe.string)
            }
            let cache = directory.appending("cache.eval")
            try cache.makeDirectory()
            try expectRefused(
                train + ["--reference-cache", cache.string],
                in: directory,
                "DIR/cache.eval: expected a regular file or none, found a directory; choose another path"
            )
        }
    }

    @Test("a run that is refused leaves no directory that it created, and changes nothing in an existing one")
    func refused() throws {
        try Places.temporary { directory in
            let (steps, cache) = (["--max-steps", "1"], directory.appending("cache.safetensors").string)
            let first = TinyRuns(output: directory.appending("first"))
            try first.finish(steps + ["--save-steps", "1", "--reference-cache", cache])
            let outputs = [first.output, directory.appending("new/output")].map(TinyRuns.init)
            func names() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: first.output.string).sorted()
            }
            let files = try names()
            let before = try first.state(files)
            let bfloat16 = ["--precision", "bfloat16"]
            let refusals: [(arguments: [String], variables: [String: String], text: String)] = [
                (bfloat16, ["ESPALIER_PRODUCTS": "portable"], "ESPALIER_PRODUCTS must be one of "),
                (["--reference-cache", "\(directory)/none/cache"], [:], "none/cache: cannot be written: "),
                (bfloat16 + ["--reference-cache", cache], ["ESPALIER_PRODUCTS": "bfloat16-model"], "--precision"),
                (["--resume", "\(directory)/none"], [:], "\(directory)/none"),
            ]
            for (arguments, variables, text) in refusals {
                for runs in outputs {
                    let outcome = try runs.start(steps + arguments, variables: variables)
                    #expect(outcome.status == 64 && outcome.errors.contains(text), "\(outcome.errors)")
                }
                #expect(!exists(directory.appending("new")), "\(arguments)")
                #expect(try names() == files && first.state(files) == before, "\(arguments)")
            }
        }
    }

    @Test("the model of another program in the output directory is refused; a run's own is replaced")
    func foreignModel() throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            try FileManager.default.copyItem(atPath: Golden.freeHead.directory.string, toPath: runs.output.string)
            let before = try runs.state(["model.safetensors", "config.json"])
            for removed in [nil, "model.safetensors"] {
                try removed.map { try runs.remove($0) }
                let name = removed == nil ? "model.safetensors" : "config.json"
                let error = try runs.refusal(["--max-steps", "1"])
                #expect(
                    error == "error: OUT/\(name): belongs to a model that no run of espalier wrote; "
                        + "choose another --output"
                )
                #expect(try runs.state(["config.json"])["config.json"] == before["config.json"])
            }
            try FileManager.default.removeItem(atPath: runs.output.string)
            try runs.finish(["--max-steps", "1"])
            try runs.finish(["--max-steps", "2"])
        }
    }

    @Test(
        "inputs in a checkpoint of the output directory, which the run may replace, are refused",
        arguments: ["checkpoint-2", "latest", "elsewhere"]
    )
    func checkpoints(name: String) throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            try runs.finish(["--max-steps", "3", "--save-steps", "2"])
            let elsewhere = name == "elsewhere" ? directory.appending(name) : runs.output.appending(name)
            if name == "elsewhere" { #expect(symlink("\(runs.output)/checkpoint-2", elsewhere.string) == 0) }
            let place = runs.output.appending("checkpoint-2").string
            let data = runs.output.appending("checkpoint-2/data.safetensors")
            try FileManager.default.copyItem(atPath: Golden.tied.file.string, toPath: data.string)
            let before = try FileManager.default.contentsOfDirectory(atPath: place).sorted()
            let given = elsewhere.appending("data.safetensors").string
            for (option, path, file) in [
                ("--model", elsewhere.string, "config.json"), ("--data", given, ""), ("--eval-data", given, ""),
                ("--config", elsewhere.appending("espalier.yaml").string, ""),
                ("--reference-cache", elsewhere.appending("cache").string, ""),
            ] {
                let error = try runs.refusal(["--max-steps", "3", "--save-steps", "1", option, path])
                let read = file.isEmpty ? path : "\(path)/\(file)"
                let shown = read.replacingOccurrences(of: runs.output.string, with: "OUT")
                #expect(
                    error == "error: \(shown): \(option) is in a checkpoint of --output, which the run may replace or "
                        + "remove; copy it, or choose another --output"
                )
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: place).sorted() == before)
            #expect(runs.exists("latest"))
            // A run that continues the checkpoint's own may read its settings there.
            try reopen(runs.output)
            let settings = ["--config", "\(place)/espalier.yaml"]
            unlink(data.string)
            try runs.finish(["--max-steps", "3", "--save-steps", "2", "--resume"] + settings)
        }
    }
}
