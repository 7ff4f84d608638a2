internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Checkpoints that are damaged, forged, or of another run: each is refused or skipped with the reason.
@Suite(.serialized)
struct CheckpointRefusalTests {
    @Test("a damaged checkpoint is skipped with a warning, and a run does not start over if none is complete")
    func damaged() throws {
        try Places.temporary { directory in
            let (output, options) = (directory.appending("out"), ["--max-steps", "12"])
            let uninterrupted = try LongRun.finish(output, options)
            func damage(_ step: Int, _ name: String, _ change: (inout Data) -> Void) throws {
                let file = URL(fileURLWithPath: checkpoint(output, step).appending(name).string)
                var bytes = try Data(contentsOf: file)
                change(&bytes)
                try bytes.write(to: file)
            }
            func resume(expecting lines: [String]) throws {
                try reopen(output)
                let outcome = try LongRun.start(output, options + ["--resume"])
                let messages = outcome.errors.replacingOccurrences(of: output.string, with: "OUT")
                #expect(messages.hasPrefix(lines.joined(separator: "\n") + "\n"), "\(messages)")
                #expect(outcome.status == 0)
                expectSameBits(try TrainedRun(output), uninterrupted, steps: 12)
            }
            try damage(10, "optimizer.safetensors") { $0[$0.count / 2] ^= 1 }
            let bit = "optimizer.safetensors: its SHA-256 differs from manifest.json: some of its bytes have changed"
            try resume(expecting: [
                "warning: skipped checkpoint: OUT/checkpoint-10/\(bit)", "resuming after step 5 from OUT/checkpoint-5",
            ])
            try damage(10, "manifest.json") { $0.removeLast($0.count / 2) }
            let half = "manifest.json: expected a manifest of format version 1, found other or incomplete content"
            try resume(expecting: [
                "warning: skipped checkpoint: OUT/checkpoint-10/\(half)", "resuming after step 5 from OUT/checkpoint-5",
            ])
            for step in [5, 10] { try damage(step, "espalier-state.json") { $0[0] ^= 1 } }
            try reopen(output)
            let outcome = try LongRun.start(output, options + ["--resume"])
            #expect(outcome.status == 64)
            let messages = outcome.errors.replacingOccurrences(of: output.string, with: "OUT")
            let end =
                "error: OUT: expected a complete checkpoint of this run, found none; start a new run without --resume\n"
            #expect(messages.hasSuffix(end), "\(messages)")
            let named = try LongRun.start(output, options + ["--resume", checkpoint(output, 10).string])
            #expect(
                named.status == 64 && named.errors.hasPrefix("error: \(checkpoint(output, 10))/espalier-state.json: ")
            )
        }
    }

    @Test("a complete but forged checkpoint is skipped with the reason")
    func forged() throws {
        try Places.temporary { directory in
            let (output, options) = (directory.appending("out"), ["--max-steps", "12"])
            _ = try LongRun.finish(output, options)
            /// The error of a run that resumes from step 10, after a file and its digest have been changed.
            func refusal(_ name: String, _ change: (FilePath) throws -> Void) throws -> String? {
                let copy = directory.appending("forged")
                try AtomicDirectory.write(to: copy) { place in
                    for file in try DirectoryManifest(verifying: checkpoint(output, 10)).names {
                        let source = checkpoint(output, 10).appending(file).string
                        try FileManager.default.copyItem(atPath: source, toPath: place.appending(file).string)
                    }
                    try change(place.appending(name))
                }
                let outcome = try LongRun.start(output, options + ["--resume", copy.string])
                #expect(outcome.status == 64)
                let message = outcome.errors.split(separator: "\n").first { $0.hasPrefix("error: ") }
                return message?.replacingOccurrences(of: copy.string, with: "DIR")
            }
            func text(_ old: String, _ new: String) -> (FilePath) throws -> Void {
                { file in
                    let text = try String(contentsOfFile: file.string, encoding: .utf8)
                    try #require(text.contains(old))
                    let forged = text.replacingOccurrences(of: old, with: new)
                    try forged.write(toFile: file.string, atomically: true, encoding: .utf8)
                }
            }
            #expect(
                try refusal("espalier-state.json", text(#""step" : 10"#, #""step" : -1"#))
                    == "error: DIR/espalier-state.json: step: expected from 0 to 9007199254740992, found -1; "
                    + "resume from another checkpoint"
            )
            #expect(
                try refusal("metrics.jsonl", text(#"{"step": 10,"#, #"{"step": 11,"#))
                    == "error: DIR/metrics.jsonl: line 10: expected a record with step, from 9 to 10, found 11"
            )
            let moments = "error: DIR/optimizer.safetensors: tensor second."
            let negative = try refusal("optimizer.safetensors") { file in
                // The last element of the last tensor by name, which is a second moment.
                let handle = try #require(FileHandle(forWritingAtPath: file.string))
                try handle.seek(toOffset: try handle.seekToEnd() - 4)
                withUnsafeBytes(of: Float(-1).bitPattern) { handle.write(Data($0)) }
            }
            #expect(negative?.hasPrefix(moments) == true)
            let end = ": expected finite numbers, at least 0, found -1.0; resume from another checkpoint"
            #expect(negative?.hasSuffix(end) == true)
        }
    }

    @Test("a checkpoint of another run is refused with the difference, and an ignored one is reported")
    func foreign() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try LongRun.finish(output, ["--max-steps", "6"])
            /// The messages if the newest checkpoint is requested, and if this one is given by path.
            func refusals(_ arguments: [String]) throws -> [String] {
                try [[], [checkpoint(output, 5).string]].map { named in
                    let outcome = try LongRun.start(output, ["--max-steps", "6"] + arguments + ["--resume"] + named)
                    #expect(outcome.status == 64)
                    let first = outcome.errors.split(separator: "\n").first.map(String.init) ?? ""
                    return first.replacingOccurrences(of: output.string, with: "OUT")
                }
            }
            let end = "; resume with the settings it was made with, or start a new run without --resume"
            for (arguments, what) in [
                (["--learning-rate", "0.5"], "learning_rate: 0.01, this run has 0.5"),
                (["--data", Golden.freeHead.file.string], "other --data"),
            ] {
                let reason = "OUT/checkpoint-5: made with \(what)\(end)"
                #expect(try refusals(arguments) == ["warning: skipped checkpoint: \(reason)", "error: \(reason)"])
            }
            let anew = try LongRun.start(output, ["--max-steps", "6"])
            let path = checkpoint(output, 5)
            let remedy = "pass --resume \(path) to continue from it"
            let note = "warning: \(path) of an earlier run exists but is ignored; \(remedy)\n"
            #expect(anew.status == 0 && anew.errors.hasPrefix(note), "\(anew.errors)")
            // Without a checkpoint a run starts.
            let first = try LongRun.start(directory.appending("new"), ["--max-steps", "6", "--resume"])
            #expect(first.status == 0 && !first.errors.contains("resuming"))
        }
    }

    @Test("losses in another order, or with swapped weights, are refused with both values in the message")
    func otherLosses() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            func losses(_ names: [String], _ weights: [String]) -> [String] {
                ["--max-steps", "6", "--loss-type"] + names + ["--loss-weights"] + weights
            }
            _ = try LongRun.finish(output, losses(["sigmoid", "sft"], ["1", "0.5"]))
            let end = "; resume with the settings it was made with, or start a new run without --resume\n"
            for (change, what) in [
                (losses(["sigmoid", "sft"], ["0.5", "1"]), "loss_weights: [1,0.5], this run has [0.5,1]"),
                (
                    losses(["sft", "sigmoid"], ["1", "0.5"]),
                    #"loss_type: ["sigmoid","sft"], this run has ["sft","sigmoid"]"#
                ),
            ] {
                let outcome = try LongRun.start(output, change + ["--resume", checkpoint(output, 5).string])
                #expect(outcome.status == 64, "\(outcome.errors)")
                #expect(
                    outcome.errors.hasPrefix("error: \(checkpoint(output, 5)): made with \(what)\(end)"),
                    "\(outcome.errors)"
                )
            }
        }
    }
}
