internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Output directories with the checkpoints of an earlier run.
@Suite(.serialized)
struct EarlierRunTests {
    private let golden = Golden.tied

    /// Trains the tiny tied model into `output`, 24 steps with a checkpoint every five.
    private func start(
        _ output: FilePath,
        _ more: [String] = [],
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        try Launch.run(
            "espalier",
            [
                "train", "--model", golden.directory.string, "--data", golden.file.string, "--output", output.string,
                "--global-batch-size", "4", "--threads", "1", "--learning-rate", "0.01", "--max-steps", "24",
            ] + (more.contains("--save-steps") ? [] : ["--save-steps", "5"]) + more,
            solo: true,
            watch: watch
        )
    }

    private func finish(_ output: FilePath, _ more: [String] = []) throws -> Outcome {
        let outcome = try start(output, more)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return outcome
    }

    /// The number of complete lines of a run's metrics.
    private func lineCount(_ output: FilePath) -> Int {
        FileManager.default.contents(atPath: output.appending("metrics.jsonl").string)?.count { $0 == 0x0A } ?? 0
    }

    /// Starts a run without `--resume` and kills it as soon as it has written `lines` lines of metrics.
    private func abandon(_ output: FilePath, after lines: Int, _ more: [String] = []) throws {
        try? FileManager.default.removeItem(atPath: output.appending("metrics.jsonl").string)
        let outcome = try start(output, ["--max-steps", "100000"] + more) { process in
            guard lineCount(output) >= lines else { return false }
            kill(process, SIGKILL)
            return true
        }
        #expect(outcome.status == SIGKILL, "\(outcome.errors)")
    }

    /// The step that a start resumed after; nil for a new run.
    private func resumedStep(_ outcome: Outcome) -> Int? {
        let words = outcome.errors.components(separatedBy: "resuming after step ")
        return words.count > 1 ? Int(words[1].prefix { $0.isNumber }) : nil
    }

    /// Resumes a run of 100,000 steps, and kills it after its first line of metrics.
    ///
    /// - Returns: The step that it resumed after.
    private func resume(_ output: FilePath, _ named: [String] = []) throws -> (step: Int?, outcome: Outcome) {
        try? FileManager.default.removeItem(atPath: output.appending("metrics.jsonl").string)
        let outcome = try start(output, ["--max-steps", "100000", "--save-steps", "100000", "--resume"] + named) {
            guard lineCount(output) > 0 else { return false }
            kill($0, SIGKILL)
            return true
        }
        return (resumedStep(outcome), outcome)
    }

    /// The settings of an earlier run, which shares no step of a checkpoint with the others before the 35th.
    private let other = ["--save-steps", "7"]

    @Test("a directory that is named like a checkpoint and is none is refused, and nothing in it is lost")
    func otherTrainer() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let other = checkpoint(output, 10).appending("optimizer.pt")
            try FileManager.default.createDirectory(
                atPath: checkpoint(output, 10).string,
                withIntermediateDirectories: true
            )
            try Data("weights".utf8).write(to: URL(fileURLWithPath: other.string))
            let outcome = try start(output)
            let reason =
                "expected a checkpoint of espalier, found another directory; move it, or choose another --output"
            #expect(outcome.status == 64 && outcome.errors == "error: \(checkpoint(output, 10)): \(reason)\n")
            #expect(exists(other))
        }
    }

    @Test("a run resumes from its own newest checkpoint, not from a later one of an earlier run")
    func newest() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            try abandon(output, after: 32, other)
            let earlier = try checkpoints(output)
            try #require(earlier.count >= 3 && earlier.allSatisfy { $0 % 7 == 0 })
            try abandon(output, after: 12)
            let own = try #require(try checkpoints(output).last { $0 % 5 == 0 })
            let (step, outcome) = try resume(output)
            #expect(step == own, "\(outcome.errors)")
            #expect(outcome.errors.contains("; pass --resume DIR to continue from one of them\n"), "\(outcome.errors)")
            #expect(try checkpoints(output).filter { $0 % 7 == 0 } == earlier)
        }
    }

    @Test("a run that was killed before its first checkpoint starts over, and keeps those of an earlier run")
    func noneYet() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            try abandon(output, after: 17, other)
            let earlier = try checkpoints(output)
            let last = checkpoint(output, try #require(earlier.last))
            try abandon(output, after: 2, ["--save-steps", "100000"])
            #expect(!exists(output.appending("latest")))
            let (step, outcome) = try resume(output)
            #expect(step == nil, "\(outcome.errors)")
            #expect(outcome.errors.contains("\(last)"), "\(outcome.errors)")
            #expect(try checkpoints(output) == earlier)
            // Resumed by name, it becomes the run of the directory.
            #expect(try resume(output, [last.string]).step == earlier.last)
            #expect(try resume(output).step == earlier.last)
        }
    }

    @Test("save_total_limit counts and removes only the run's own checkpoints; a replaced one is reported")
    func limit() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try finish(output)
            #expect(try checkpoints(output) == [5, 10, 15, 20])
            let outcome = try finish(output, ["--save-steps", "4", "--save-total-limit", "1"])
            #expect(try checkpoints(output) == [5, 10, 15, 20])
            #expect(
                outcome.errors.contains("warning: replaced \(checkpoint(output, 20)) of an earlier run\n"),
                "\(outcome.errors)"
            )
        }
    }

    @Test("save_total_limit removes checkpoints of abandoned steps once the run has passed them")
    func abandoned() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try finish(output)
            let limit = ["--save-steps", "6", "--save-total-limit", "2", "--resume", checkpoint(output, 5).string]
            // 10 and 15 are passed by 18; 20 is later than the last checkpoint.
            let outcome = try finish(output, limit)
            #expect(try checkpoints(output) == [12, 18, 20] && !outcome.errors.contains("warning: replaced"))
        }
    }

    @Test("if the run's newest checkpoint is damaged, its previous one is resumed, not another run's")
    func damaged() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            try abandon(output, after: 42, other)
            try abandon(output, after: 22)
            let own = try checkpoints(output).filter { $0 % 5 == 0 }
            let newest = try #require(own.last)
            try #require(own.count >= 3 && own.count <= 6)
            let file = URL(fileURLWithPath: checkpoint(output, newest).appending("optimizer.safetensors").string)
            var bytes = try Data(contentsOf: file)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: file)
            let (step, outcome) = try resume(output)
            #expect(step == own[own.count - 2], "\(outcome.errors)")
        }
    }

    @Test("a checkpoint with a changed bit in its run's identity counts as damaged, not as another run's")
    func changedIdentity() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try finish(output)
            let file = checkpoint(output, 20).appending("espalier-state.json").string
            let text = try String(contentsOfFile: file, encoding: .utf8)
            let identity = try #require(text.range(of: #""run" : "[0-9A-F]"#, options: .regularExpression))
            let changed = text.replacingCharacters(in: identity, with: #""run" : "G"#)
            try changed.write(toFile: file, atomically: false, encoding: .utf8)
            try reopen(output)
            let resumed = try finish(output, ["--resume"])
            #expect(resumedStep(resumed) == 15)
            #expect(
                resumed.errors.hasPrefix("warning: skipped checkpoint: \(file): its SHA-256 differs from "),
                "\(resumed.errors)"
            )
        }
    }

    @Test("a run that was resumed from an older checkpoint resumes from there again, not from abandoned steps")
    func branch() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            try abandon(output, after: 32)
            let later = try #require(try checkpoints(output).last)
            #expect(try resume(output, [checkpoint(output, 10).string]).step == 10)
            let (step, outcome) = try resume(output)
            #expect(step == 10, "\(outcome.errors)")
            // Earlier ones are its own: if this one is damaged, the previous one is resumed.
            try FileManager.default.removeItem(atPath: checkpoint(output, 10).appending("manifest.json").string)
            #expect(try resume(output).step == 5)
            #expect(exists(checkpoint(output, later)))
        }
    }

    @Test("a run that has resumed does not start over if its checkpoint is missing from the directory")
    func gone() throws {
        try Places.temporary { directory in
            let (source, output) = (directory.appending("a"), directory.appending("b"))
            try abandon(source, after: 12)
            #expect(try resume(output, [checkpoint(source, 5).string]).step == 5)
            let refused = try start(output, ["--max-steps", "100000", "--resume"])
            let end = "expected a complete checkpoint of this run, found none; start a new run without --resume\n"
            #expect(refused.status == 64 && refused.errors == "error: \(output): \(end)", "\(refused.errors)")
            #expect(try resume(output, [checkpoint(source, 5).string]).step == 5)
        }
    }

    @Test("records of a run are not copied when another run tunes its model")
    func companions() throws {
        try Places.temporary { directory in
            let (first, second) = (directory.appending("a"), directory.appending("b"))
            _ = try finish(first, ["--profile-phases"])
            _ = try finish(second, ["--model", first.string])
            for name in ["trace.json", "phases.txt"] {
                #expect(exists(first.appending(name)) && !exists(second.appending(name)), "\(name)")
            }
            let histories = try [first, second].map {
                try String(contentsOfFile: "\($0)/espalier-run.json", encoding: .utf8)
            }
            #expect(histories[0] != histories[1])
        }
    }

    @Test("checkpoints of a version without run identities are resumed until a new run starts in their directory")
    func unnamed() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            try abandon(output, after: 22)
            for step in try checkpoints(output) {
                try rewrite(checkpoint(output, step)) { state in state["history"] = nil }
            }
            let newest = try #require(try checkpoints(output).last)
            try? FileManager.default.removeItem(atPath: output.appending("espalier-run.json").string)
            #expect(try resume(output).step == newest)
            #expect(try resume(output).step == newest)
            try FileManager.default.removeItem(atPath: checkpoint(output, newest).appending("manifest.json").string)
            #expect(try resume(output).step == newest - 5)
            try abandon(output, after: 2, ["--save-steps", "100000"])
            #expect(try resume(output).step == nil)
        }
    }

    /// Changes the state of a checkpoint, and its manifest accordingly.
    private func rewrite(_ path: FilePath, _ change: (inout [String: Any]) -> Void) throws {
        let copy = path.removingLastComponent().appending("copy")
        try FileManager.default.moveItem(atPath: path.string, toPath: copy.string)
        try AtomicDirectory.write(to: path) { place in
            for file in try DirectoryManifest(verifying: copy).names {
                try FileManager.default.copyItem(
                    atPath: copy.appending(file).string,
                    toPath: place.appending(file).string
                )
            }
            let file = URL(fileURLWithPath: place.appending("espalier-state.json").string)
            var state = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
            change(&state)
            try JSONSerialization.data(withJSONObject: state).write(to: file)
        }
        try FileManager.default.removeItem(atPath: copy.string)
    }

    @Test("a damaged run file is refused with the remedy if the newest checkpoint is requested")
    func damagedFile() throws {
        try Places.temporary { directory in
            let (output, file) = (directory.appending("out"), directory.appending("out/espalier-run.json"))
            try abandon(output, after: 12)
            #expect(exists(file))
            try "{}".write(toFile: file.string, atomically: true, encoding: .utf8)
            let refused = try start(output, ["--max-steps", "100000", "--resume"])
            #expect(refused.status == 64)
            let end = "; remove it to resume from the newest checkpoint there, or select one with --resume DIR\n"
            #expect(refused.errors.hasPrefix("error: \(file): ") && refused.errors.hasSuffix(end), "\(refused.errors)")
            #expect(try resume(output, [checkpoint(output, 5).string]).step == 5)
        }
    }
}
