internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Commands whose outputs are inputs are refused before anything is written.
@Suite(.serialized)
struct OverwriteTests {
    /// A model and data of one test, and their content.
    private struct Inputs {
        let model: FilePath
        let data: FilePath
        let directory: FilePath

        init(in directory: FilePath) throws {
            self.directory = directory
            (model, data) = (directory.appending("model"), directory.appending("data.safetensors"))
            try FileManager.default.copyItem(atPath: Golden.tied.directory.string, toPath: model.string)
            try FileManager.default.copyItem(atPath: Golden.tied.file.string, toPath: data.string)
        }

        var arguments: [String] { ["--model", model.string, "--data", data.string, "--threads", "1"] }

        /// SHA-256 of every file in the directory.
        func content() throws -> [String: String] {
            try FileManager.default.subpathsOfDirectory(atPath: directory.string).reduce(into: [:]) { files, name in
                var isDirectory: ObjCBool = false
                let path = directory.appending(name)
                _ = FileManager.default.fileExists(atPath: path.string, isDirectory: &isDirectory)
                if !isDirectory.boolValue { files[name] = try Digest.sha256(ofFile: path) }
            }
        }

        func expectRefused(
            _ arguments: [String],
            _ message: String,
            at location: SourceLocation = #_sourceLocation
        ) throws {
            let before = try content()
            let outcome = try Launch.run("espalier", arguments, solo: true)
            let found = outcome.errors.replacingOccurrences(of: directory.string, with: "DIR")
            #expect(outcome.status == 64 && found == "error: \(message)\n", sourceLocation: location)
            #expect(try content() == before, sourceLocation: location)
        }
    }

    @Test("a file of one output")
    func files() throws {
        try Places.temporary { directory in
            let inputs = try Inputs(in: directory)
            let weights = inputs.model.appending("model.safetensors")
            let link = directory.appending("link")
            #expect(symlink(weights.string, link.string) == 0)
            let overwritten = "--output would overwrite what --model reads"
            try inputs.expectRefused(
                ["logps", "--output", weights.string] + inputs.arguments,
                "DIR/model/model.safetensors: \(overwritten); choose another --output"
            )
            try inputs.expectRefused(
                ["logps", "--output", link.string] + inputs.arguments,
                "DIR/link: \(overwritten), as DIR/model/model.safetensors; choose another --output"
            )
            try inputs.expectRefused(
                ["evaluate", "--output", inputs.data.string] + inputs.arguments,
                "DIR/data.safetensors: --output would overwrite what --data reads; choose another --output"
            )
            try inputs.expectRefused(
                ["evaluate", "--reference-cache", inputs.data.string] + inputs.arguments,
                "DIR/data.safetensors: --reference-cache would overwrite what --data reads; choose another "
                    + "--reference-cache"
            )
            let bench = ["bench"] + inputs.arguments + ["--repeats", "1", "--global-batch-size", "1"]
            try inputs.expectRefused(
                bench + ["--json", inputs.data.string],
                "DIR/data.safetensors: --json would overwrite what --data reads; choose another --json"
            )
            try inputs.expectRefused(
                bench + ["--json", "\(directory)/new", "--trace", "\(directory)/new", "--profile-phases"],
                "DIR/new: --json and --trace would both write it; choose another --trace"
            )
            let study = directory.appending("study.json").string
            try "{}".write(toFile: study, atomically: true, encoding: .utf8)
            try inputs.expectRefused(
                ["scaling", "--from", study, "--json", study],
                "DIR/study.json: --json would overwrite what --from reads; choose another --json"
            )
        }
    }

    @Test("a file in the output directory of a run")
    func outputDirectory() throws {
        try Places.temporary { directory in
            let inputs = try Inputs(in: directory)
            let output = directory.appending("out")
            try FileManager.default.createDirectory(atPath: output.string, withIntermediateDirectories: true)
            let train = ["train", "--output", output.string] + inputs.arguments
            for name in ["metrics.jsonl", "model.safetensors"] {
                let place = output.appending(name).string
                try FileManager.default.copyItem(atPath: inputs.data.string, toPath: place)
                try inputs.expectRefused(
                    train + ["--data", place],
                    "DIR/out/\(name): --output would overwrite what --data reads; choose another --output"
                )
                try inputs.expectRefused(
                    train + ["--eval-data", place],
                    "DIR/out/\(name): --output would overwrite what --eval-data reads; choose another --output"
                )
                try FileManager.default.removeItem(atPath: place)
                try inputs.expectRefused(
                    train + ["--reference-cache", place],
                    "DIR/out/\(name): --output and --reference-cache would both write it; choose another "
                        + "--reference-cache"
                )
            }
        }
    }

    @Test("a settings file that the run's own record would replace, unless it is such a record and stays as it is")
    func settings() throws {
        try Places.temporary { directory in
            let inputs = try Inputs(in: directory)
            let output = directory.appending("out")
            let settings = output.appending("espalier.yaml")
            try FileManager.default.createDirectory(atPath: output.string, withIntermediateDirectories: true)
            try "# mine\nbeta: 0.2\nmax_steps: 1\n".write(toFile: settings.string, atomically: true, encoding: .utf8)
            let train = ["train", "--output", output.string, "--config", settings.string] + inputs.arguments
            let refusal =
                "DIR/out/espalier.yaml: --output would overwrite what --config reads; choose another --output"
            try inputs.expectRefused(train, refusal)
            try inputs.expectRefused(train + ["--resume"], refusal)
            // The record of the run itself.
            try FileManager.default.moveItem(atPath: settings.string, toPath: directory.appending("mine").string)
            let first = try Launch.run(
                "espalier",
                ["train", "--output", output.string, "--config", directory.appending("mine").string] + inputs.arguments,
                solo: true
            )
            #expect(first.status == 0, "\(first.errors)")
            try inputs.expectRefused(train + ["--beta", "0.3"], refusal)
            for more in [[], ["--resume"]] {
                let again = try Launch.run("espalier", train + more, solo: true)
                #expect(again.status == 0, "\(again.errors)")
            }
        }
    }
}
