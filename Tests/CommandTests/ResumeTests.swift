internal import Formats
internal import Foundation
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs that are killed, stopped and resumed.
@Suite(.serialized)
struct ResumeTests {
    private static let steps = 120

    /// Trains the tiny tied model into `output`, a checkpoint every five steps.
    private func start(
        _ output: FilePath,
        _ more: [String] = [],
        ranks: Int? = nil,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        let settings = output.removingLastComponent().appending("settings.yaml")
        try "adam_epsilon: 0.001\nbeta: 0.5\nlearning_rate: 0.01\nsave_steps: 5\nmax_steps: \(Self.steps)\n"
            .write(toFile: settings.string, atomically: true, encoding: .utf8)
        let golden = Golden.tied
        return try Launch.run(
            "espalier",
            [
                "train", "--config", settings.string, "--model", golden.directory.string, "--data", golden.file.string,
                "--output", output.string, "--global-batch-size", "4", "--threads", "1",
            ] + more,
            ranks: ranks ?? 1,
            solo: ranks == nil,
            watch: watch
        )
    }

    private func finish(_ output: FilePath, _ more: [String] = [], ranks: Int? = nil) throws -> TrainedRun {
        let outcome = try start(output, more, ranks: ranks)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return try TrainedRun(output)
    }

    private func exists(_ path: FilePath) -> Bool { FileManager.default.fileExists(atPath: path.string) }

    /// Sends a signal as soon as a file exists.
    private func send(_ signal: Int32, when file: FilePath) -> (Int32) -> Bool {
        { process in
            guard FileManager.default.fileExists(atPath: file.string) else { return false }
            kill(process, signal)
            return true
        }
    }

    private func checkpoint(_ output: FilePath, _ step: Int) -> FilePath { output.appending("checkpoint-\(step)") }

    private func checkpoints(_ output: FilePath) throws -> [Int] {
        try FileManager.default.contentsOfDirectory(atPath: output.string)
            .compactMap { $0.hasPrefix("checkpoint-") ? Int($0.dropFirst(11)) : nil }.sorted()
    }

    /// Expects the same bits: of every weight, and of every metric that is no time.
    private func expectSameBits(_ run: TrainedRun, _ other: TrainedRun, steps: Int = ResumeTests.steps) {
        #expect(run.metrics.map { $0["step"] } == (1...steps).map(Double.init))
        #expect(run.weights == other.weights && run.weights.count == 29)
        func lasting(_ line: Metrics) -> Metrics {
            line.filter { name, _ in
                !["seconds", "second", "runtime", "mfu", "measured_imbalance"].contains { name.hasSuffix($0) }
            }
        }
        #expect(
            run.metrics.map(lasting) == other.metrics.map(lasting) && (run.metrics.first.map(lasting)?.count ?? 0) > 10
        )
        #expect(run.evaluations.map(lasting) == other.evaluations.map(lasting))
        for name in ["steps", "pairs", "tokens_computed", "loss", "best_metric", "best_global_step", "evaluations"] {
            #expect(run.summary[name] == other.summary[name], "\(name)")
        }
    }

    // MARK: Exact resume

    @Test("a killed and resumed run has the bits of an uninterrupted one", arguments: [5, 60])
    func killed(step: Int) throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("killed"))
            let watch = send(SIGKILL, when: checkpoint(output, step))
            #expect(try start(output, watch: watch).status == SIGKILL)
            #expect(!exists(output.appending("model.safetensors")))
            let resumed = try finish(output, ["--resume"])
            expectSameBits(resumed, try finish(uninterrupted))
            // No partly written file is left, and the last step has no checkpoint in addition to the model.
            let names = try FileManager.default.contentsOfDirectory(atPath: output.string)
            #expect(names.allSatisfy { !$0.hasSuffix(".tmp") })
            #expect(try checkpoints(output) == Array(stride(from: 5, to: Self.steps, by: 5)))
        }
    }

    @Test("saving changes no bit of a run, and neither does a line of metrics that spans a checkpoint")
    func undisturbed() throws {
        try Places.temporary { directory in
            let saved = try finish(directory.appending("a"), ["--max-steps", "12"])
            let plain = try finish(directory.appending("b"), ["--max-steps", "12", "--save-steps", "100"])
            expectSameBits(saved, plain, steps: 12)
            // Lines of three steps, resumed after the fifth.
            let output = directory.appending("c")
            let logging = ["--max-steps", "12", "--logging-steps", "3"]
            let uninterrupted = try finish(output, logging)
            try FileManager.default.removeItem(atPath: checkpoint(output, 10).string)
            try reopen(output)
            let resumed = try finish(output, logging + ["--resume"])
            #expect(resumed.metrics.map { $0["step"] } == [3, 6, 9, 12])
            for name in ["loss", "grad_norm", "num_tokens", "tokens_computed"] {
                #expect(resumed.metrics.map { $0[name] } == uninterrupted.metrics.map { $0[name] }, "\(name)")
            }
            #expect(resumed.weights == saved.weights)
        }
    }

    @Test("a resumed run keeps its best model and its patience")
    func evaluated() throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("killed"))
            let evaluation = [
                "--eval-data", Golden.tied.file.string, "--eval-steps", "4", "--load-best-model-at-end",
                "--metric-for-best-model", "rewards/rejected", "--lr-scheduler-type", "constant",
            ]
            let watch = send(SIGKILL, when: checkpoint(output, 10))
            #expect(try start(output, evaluation, watch: watch).status == SIGKILL)
            // The best model is in the checkpoint: the output may contain that of a later step.
            try FileManager.default.removeItem(atPath: output.appending("model.safetensors").string)
            let resumed = try finish(output, evaluation + ["--resume"])
            expectSameBits(resumed, try finish(uninterrupted, evaluation))
            #expect(resumed.summary["evaluations"] == Double(Self.steps / 4))
        }
    }

    @Test(
        "a run resumes with other ranks, threads and row tokens, and differs only by rounding",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func otherRanks() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let options = ["--max-steps", "8"]
            let alone = try finish(output, options)
            try reopen(output)
            let together = try finish(output, options + ["--row-tokens", "64", "--resume"], ranks: 2)
            expectSame(together, alone, steps: 8)
            #expect(try checkpoints(output) == [5])
        }
    }

    @Test("a checkpoint is a model directory that another run and other commands can read")
    func model() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let run = try finish(output, ["--max-steps", "6"])
            let model = checkpoint(output, 5)
            let outcome = try Launch.run(
                "espalier",
                ["evaluate", "--model", model.string, "--data", Golden.tied.file.string, "--threads", "1"],
                solo: true
            )
            #expect(outcome.status == 0, "\(outcome.errors)")
            let latest = try FileManager.default.destinationOfSymbolicLink(atPath: output.appending("latest").string)
            #expect(latest == "checkpoint-5")
            // Given by path, also through the link.
            let named = try finish(output, ["--max-steps", "6", "--resume", output.appending("latest").string])
            #expect(named.weights == run.weights)
        }
    }

    // MARK: Damaged checkpoints, and checkpoints of other runs

    @Test("a damaged checkpoint is skipped with a warning, and a run does not start over if none is complete")
    func damaged() throws {
        try Places.temporary { directory in
            let (output, options) = (directory.appending("out"), ["--max-steps", "12"])
            let uninterrupted = try finish(output, options)
            func damage(_ step: Int, _ name: String, _ change: (inout Data) -> Void) throws {
                let file = URL(fileURLWithPath: checkpoint(output, step).appending(name).string)
                var bytes = try Data(contentsOf: file)
                change(&bytes)
                try bytes.write(to: file)
            }
            func resume(expecting lines: [String]) throws {
                try reopen(output)
                let outcome = try start(output, options + ["--resume"])
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
            let outcome = try start(output, options + ["--resume"])
            #expect(outcome.status == 64)
            let messages = outcome.errors.replacingOccurrences(of: output.string, with: "OUT")
            let end =
                "error: OUT: expected a complete checkpoint of this run, found none; start a new run without --resume\n"
            #expect(messages.hasSuffix(end), "\(messages)")
            let named = try start(output, options + ["--resume", checkpoint(output, 10).string])
            #expect(
                named.status == 64 && named.errors.hasPrefix("error: \(checkpoint(output, 10))/espalier-state.json: ")
            )
        }
    }

    @Test("a complete but forged checkpoint is skipped with the reason")
    func forged() throws {
        try Places.temporary { directory in
            let (output, options) = (directory.appending("out"), ["--max-steps", "12"])
            _ = try finish(output, options)
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
                let outcome = try start(output, options + ["--resume", copy.string])
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
            _ = try finish(output, ["--max-steps", "6"])
            /// The messages if the newest checkpoint is requested, and if this one is given by path.
            func refusals(_ arguments: [String]) throws -> [String] {
                try [[], [checkpoint(output, 5).string]].map { named in
                    let outcome = try start(output, ["--max-steps", "6"] + arguments + ["--resume"] + named)
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
            let anew = try start(output, ["--max-steps", "6"])
            let path = checkpoint(output, 5)
            let remedy = "pass --resume \(path) to continue from it"
            let note = "warning: \(path) of an earlier run exists but is ignored; \(remedy)\n"
            #expect(anew.status == 0 && anew.errors.hasPrefix(note), "\(anew.errors)")
            // Without a checkpoint a run starts.
            let first = try start(directory.appending("new"), ["--max-steps", "6", "--resume"])
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
            _ = try finish(output, losses(["sigmoid", "sft"], ["1", "0.5"]))
            let end = "; resume with the settings it was made with, or start a new run without --resume\n"
            for (change, what) in [
                (losses(["sigmoid", "sft"], ["0.5", "1"]), "loss_weights: [1,0.5], this run has [0.5,1]"),
                (
                    losses(["sft", "sigmoid"], ["1", "0.5"]),
                    #"loss_type: ["sigmoid","sft"], this run has ["sft","sigmoid"]"#
                ),
            ] {
                let outcome = try start(output, change + ["--resume", checkpoint(output, 5).string])
                #expect(outcome.status == 64, "\(outcome.errors)")
                #expect(
                    outcome.errors.hasPrefix("error: \(checkpoint(output, 5)): made with \(what)\(end)"),
                    "\(outcome.errors)"
                )
            }
        }
    }

    @Test("only the requested number of newest checkpoints is kept")
    func limit() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try finish(output, ["--max-steps", "24", "--save-total-limit", "2"])
            #expect(try checkpoints(output) == [15, 20])
        }
    }

    // MARK: Signals

    @Test(
        "a signal saves the run after its current step and ends it with exit code 75",
        arguments: [SIGTERM, SIGUSR1, SIGUSR2, SIGINT]
    )
    func stopped(signal: Int32) throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("stopped"))
            // Without a scheduled checkpoint.
            let seldom = ["--save-steps", "1000"]
            let watch = send(signal, when: output.appending("metrics.jsonl"))
            let stopped = try start(output, seldom, watch: watch)
            #expect(stopped.status == 75, "\(stopped.errors)")
            #expect(stopped.errors.contains("; pass --resume to continue from it\n"))
            let resumed = try finish(output, seldom + ["--resume"])
            expectSameBits(resumed, try finish(uninterrupted, seldom))
        }
    }

    @Test("a signal in the reference pass ends it, and finished log-probabilities are not computed again")
    func reference() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeExamples(8000, to: data)
            func arguments(_ cache: FilePath) -> [String] {
                ["--data", data.string, "--global-batch-size", "200", "--max-steps", "40", "--save-steps", "1000"]
                    + ["--reference-cache", cache.string]
            }
            let (first, second) = (directory.appending("a.safetensors"), directory.appending("b.safetensors"))
            let output = directory.appending("stopped")
            let journal = FilePath(first.string + ".journal")
            let stopped = try start(output, arguments(first), watch: send(SIGUSR1, when: journal))
            #expect(stopped.status == 75 && !exists(output.appending("metrics.jsonl")))
            #expect(stopped.errors.contains("stopped in the reference pass, "), "\(stopped.errors)")
            let resumed = try finish(output, arguments(first) + ["--resume"])
            let uninterrupted = try finish(directory.appending("uninterrupted"), arguments(second))
            let (rest, all) = (resumed.summary["reference_rows"] ?? 0, uninterrupted.summary["reference_rows"])
            #expect(all == 8000 && rest > 0 && rest < 8000 && rest.truncatingRemainder(dividingBy: 1024) == 832)
            expectSameBits(resumed, uninterrupted, steps: 40)
        }
    }

    @Test("a run killed in the reference pass keeps computed examples, even if the end of its journal is damaged")
    func referenceKilled() throws {
        try Places.temporary { directory in
            let data = directory.appending("data.safetensors")
            try writeExamples(6000, to: data)
            let cache = directory.appending("a.safetensors")
            let journal = FilePath(cache.string + ".journal")
            let arguments = ["--data", data.string, "--global-batch-size", "200", "--max-steps", "30"]
            let kept = arguments + ["--save-steps", "1000", "--reference-cache", cache.string]
            /// Kills a run as soon as its journal exceeds `bytes`.
            func kill(_ output: FilePath, beyond bytes: Int) throws {
                let outcome = try start(output, kept) { process in
                    let found = FileManager.default.contents(atPath: journal.string)?.count ?? 0
                    guard found > bytes else { return exists(cache) }
                    Glibc.kill(process, SIGKILL)
                    return true
                }
                #expect(outcome.status == SIGKILL && !exists(cache), "\(outcome.errors)")
            }
            // Two responses of 2 and 1 tokens per example: 16 bytes per example with its number.
            try kill(directory.appending("one"), beyond: 2 * 16 * 1024 + 2000)
            var bytes = try Data(contentsOf: URL(fileURLWithPath: journal.string))
            let whole = bytes.count
            bytes[whole - 5] ^= 1
            try bytes.write(to: URL(fileURLWithPath: journal.string))
            let resumed = try finish(directory.appending("two"), kept)
            let uninterrupted = try finish(directory.appending("uninterrupted"), arguments + ["--save-steps", "1000"])
            let rest = try #require(resumed.summary["reference_rows"])
            // At least three chunks were there, the last of them damaged.
            #expect(rest <= 6000 - 2 * 1024 && rest >= 6000 - 4 * 1024 && Int(rest) % 1024 == 6000 % 1024)
            expectSameBits(resumed, uninterrupted, steps: 30)
            #expect(exists(cache) && !exists(journal))
            let again = try finish(directory.appending("three"), kept)
            #expect(again.summary["reference_rows"] == 0)
        }
    }

    @Test("a second interrupt ends a run at once")
    func interruptedTwice() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let outcome = try start(output) { process in
                // Repeatedly, as long as it runs.
                if exists(output.appending("metrics.jsonl")) { kill(process, SIGINT) }
                return false
            }
            #expect(outcome.status == SIGINT)
        }
    }

    @Test(
        "a signal forwarded by mpirun saves all ranks at the same step, and they resume with the same bits",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func ranksStopped() throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("stopped"))
            let watch = send(SIGUSR1, when: checkpoint(output, 5))
            let stopped = try start(output, ranks: 2, watch: watch)
            #expect(stopped.status == 75, "\(stopped.errors)")
            let resumed = try finish(output, ["--resume"], ranks: 2)
            expectSameBits(resumed, try finish(uninterrupted, ranks: 2))
        }
    }
}
