internal import Foundation
internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transformer

/// Evaluation on held-out preferences during training.
@Suite(.serialized)
struct EvaluationTests {
    private static let data = Golden.tied.file.string

    /// A metric that is best after the first step, since every step of the tiny run lowers it.
    private static let falling = ["--metric-for-best-model", "rewards/rejected"]

    /// Evaluated after every step, at a learning rate that does not depend on the length of the run.
    private static let everyStep = ["--eval-data", data, "--eval-steps", "1", "--lr-scheduler-type", "constant"]

    @Test("evaluation changes no bit of weights or metrics, also if its examples are longer than the training examples")
    func undisturbed() throws {
        // Trains on one short example; the six for evaluation have several times the tokens and positions.
        let options = ["--global-batch-size", "1", "--max-steps", "3", "--no-shuffle", "--num-train-epochs", "1"]
        let plain = try train(options)
        let evaluated = try train(options + ["--eval-data", Self.data, "--eval-steps", "1", "--eval-on-start"])
        #expect(plain.evaluations.isEmpty && plain.summary["evaluations"] == nil && evaluated.evaluations.count == 4)
        #expect(plain.weights == evaluated.weights && !plain.weights.isEmpty)
        for name in ["loss", "grad_norm", "logps/chosen"] {
            #expect(plain.metrics.map { $0[name] } == evaluated.metrics.map { $0[name] })
        }
        #expect(evaluated.summary["evaluations"] == 4 && (evaluated.summary["eval_seconds"] ?? 0) > 0)
    }

    @Test(
        "metrics are the same for any sharing and number of ranks, also with idle ranks",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func invariant() throws {
        try Places.temporary { directory in
            for (data, ranks) in [(Self.data, 1), (Self.data, 2), (Self.data, 4), (try single(in: directory), 4)] {
                let arguments = ["--eval-data", data, "--eval-steps", "3", "--eval-on-start"]
                let plain = try train(["--sharing", "none", "--row-tokens", "64"] + arguments)
                let shared = try train(ranks: ranks, arguments)
                #expect(plain.evaluations.map { $0["step"] } == [0, 3, 4])
                #expect(plain.evaluations.map { $0["epoch"] } == [0, 1.5, 2] && shared.evaluations.count == 3)
                for (a, b) in zip(shared.evaluations, plain.evaluations) { expectSame(a, b) }
            }
        }
    }

    private func expectSame(_ found: Metrics, _ expected: Metrics) {
        let names = expected.keys.filter {
            $0.hasPrefix("eval_") && !$0.hasSuffix("runtime") && !$0.hasSuffix("second")
        }
        #expect(names.count >= 10)
        for name in names {
            guard let a = found[name], let b = expected[name] else {
                Issue.record("\(name) is missing")
                continue
            }
            // Relative to the size of the operands of the differences; before training all rewards are rounding errors.
            let size = name.contains("rewards") ? max(abs(b), 1) : abs(b)
            let isDecided = name != "eval_rewards/accuracies" || expected["step"] != 0
            #expect(abs(a - b) <= 1e-5 * size || !isDecided, "\(name): \(a) and \(b)")
        }
    }

    /// A file with a single example.
    private func single(in directory: FilePath) throws -> String {
        let path = directory.appending("one.safetensors")
        try writePrepared([([1, 2, 3], [[4, 5], [4, 6, 7], [8]])], to: path)
        return path.string
    }

    // MARK: The best model

    @Test("the best model has the bits of a run that ends at its step, and the summary reports that step")
    func best() throws {
        try Places.temporary { directory in
            // The reference of both is computed once: another packing would round differently.
            let cache = ["--reference-cache", directory.appending("cache.safetensors").string]
            let arguments = Self.everyStep + cache
            let long = try train(arguments + Self.falling + ["--load-best-model-at-end"])
            let rewards = long.evaluations.compactMap { $0["eval_rewards/rejected"] }
            #expect(rewards.count == 4 && rewards.max() == rewards[0] && rewards[1] < rewards[0])
            #expect(long.summary["best_global_step"] == 1 && long.summary["best_metric"] == rewards[0])
            let short = try train(arguments + ["--max-steps", "1"])
            #expect(long.weights == short.weights && !long.weights.isEmpty)
            // With the opposite order, and the full name, the last is the best.
            let rising = ["--metric-for-best-model", "eval_rewards/rejected", "--no-greater-is-better"]
            let reversed = try train(arguments + rising + ["--load-best-model-at-end"])
            #expect(reversed.summary["best_global_step"] == 4 && reversed.summary["best_metric"] == rewards.last)
            // Without the flag the last model is written, and the best step is still reported.
            let last = try train(arguments + Self.falling)
            #expect(last.weights == reversed.weights && last.weights != long.weights)
            #expect(last.summary["best_global_step"] == 1)
        }
    }

    @Test(
        "the best model is a model directory, on which evaluate gives the metrics of the run",
        arguments: [[], ["--loss-type", "aot_unpaired", "sft"]]
    )
    func directory(objective: [String]) throws {
        try Places.temporary { directory in
            let (model, report) = (directory.appending("model"), directory.appending("report.json"))
            func run(_ arguments: [String]) throws {
                let outcome = try Launch.run("espalier", arguments + ["--threads", "1"] + objective, solo: true)
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            let source = Golden.tied.directory.string
            try run(
                ["train", "--model", source, "--data", Self.data, "--output", model.string, "--learning-rate", "0.01"]
                    + Self.everyStep + Self.falling + ["--load-best-model-at-end", "--max-steps", "2"]
            )
            try run(
                ["evaluate", "--model", model.string, "--reference-model", source, "--data", Self.data, "--output"]
                    + [report.string]
            )
            let found = try Metrics(json: String(contentsOfFile: report.string, encoding: .utf8))
            let trained = try TrainedRun(model)
            let best = try #require(trained.summary["best_global_step"])
            #expect(trained.evaluations.count == 2)
            expectSame(found, try #require(trained.evaluations.first { $0["step"] == best }))
            let expected = try ModelDescription(directory: Golden.tied.directory).architecture
            #expect(try ModelDescription(directory: model).architecture == expected)
        }
    }

    @Test("evaluate ignores the reference cache in training settings, which is of other data")
    func trainingCache() throws {
        try Places.temporary { directory in
            let (cache, settings) = (directory.appending("cache.safetensors"), directory.appending("train.yaml"))
            try "reference_cache: \(cache)\nmax_steps: 1\nthreads: 1\n"
                .write(toFile: settings.string, atomically: true, encoding: .utf8)
            func run(_ command: String, data: String, output: String) throws {
                let words = ["--config", settings.string, "--model", Golden.tied.directory.string, "--data", data]
                let place = ["--output", directory.appending(output).string]
                let outcome = try Launch.run("espalier", [command] + words + place, solo: true)
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            try run("train", data: Self.data, output: "model")
            let kept = try #require(FileManager.default.contents(atPath: cache.string))
            try run("evaluate", data: single(in: directory), output: "report.json")
            #expect(FileManager.default.contents(atPath: cache.string) == kept)
        }
    }

    @Test(
        "early stopping ends a run on every rank at the same step, and its last steps are logged",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func early() throws {
        let patience = ["--early-stopping-patience", "2", "--logging-steps", "4"]
        let run = try train(ranks: 2, Self.everyStep + Self.falling + patience)
        #expect(run.evaluations.map { $0["step"] } == [1, 2, 3])
        #expect(run.metrics.map { $0["step"] } == [3])
        #expect(run.summary["steps"] == 3 && run.summary["best_global_step"] == 1)
    }

    // MARK: Reference

    @Test("the reference of held-out data has its own cache, which is reused, and refused for other data")
    func cache() throws {
        try Places.temporary { directory in
            let cache = directory.appending("reference.safetensors").string
            func run(_ evalData: String) throws -> Outcome {
                try Launch.run(
                    "espalier",
                    [
                        "train", "--model", Golden.tied.directory.string, "--data", Self.data, "--eval-data", evalData,
                        "--reference-cache", cache, "--threads", "1", "--global-batch-size", "2", "--max-steps", "1",
                        "--output", directory.appending("out").string,
                    ],
                    solo: true
                )
            }
            for expected in [2.0 + 6, 0] {
                let outcome = try run(Self.data)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(try TrainedRun(directory.appending("out")).summary["reference_rows"] == expected)
            }
            let second = directory.appending("reference.eval.safetensors")
            #expect(try SafetensorsFile(second).float32s("token_logps").allSatisfy(\.isFinite))
            let foreign = try run(try single(in: directory))
            #expect(foreign.status == 64)
            #expect(foreign.errors.hasPrefix("error: \(second): made for other data; "), "\(foreign.errors)")
        }
    }

    // MARK: Without a reference

    @Test(
        "without a reference model evaluate has null for rewards and loss, and says what remains, unless the loss uses none",
        arguments: [("sigmoid", true), ("simpo", false)]
    )
    func withoutReference(loss: String, usesReference: Bool) throws {
        let words = ["evaluate", "--model", Golden.tied.directory.string, "--data", Self.data, "--threads", "1"]
        let outcome = try Launch.run("espalier", words + ["--loss-type", loss], solo: true)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let values = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] ?? [:]
        for name in ["loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins"] {
            #expect((values["eval_" + name] is NSNull) == usesReference, "\(name)")
            #expect(((values["eval_\(name)_ci"] as? [Any])?[0] is NSNull) == usesReference, "\(name)")
        }
        #expect(values["eval_logps/accuracies"] is Double && values["eval_logps/chosen"] is Double)
        #expect(outcome.errors.contains("note: no --reference-model: rewards and eval_loss") == usesReference)
    }

    // MARK: Intervals

    @Test(
        "evaluate reports an interval for every metric, the same on one rank and two",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func intervals() throws {
        func report(ranks: Int, _ arguments: [String]) throws -> [String: Any] {
            let golden = Golden.tied
            let outcome = try Launch.run(
                "espalier",
                ["evaluate", "--model", golden.directory.string, "--data", golden.file.string, "--threads", "1"]
                    + ["--reference-model", golden.directory.string] + arguments,
                ranks: ranks
            )
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] ?? [:]
        }
        let alone = try report(ranks: 1, ["--sharing", "none"])
        let names = alone.keys.filter { $0.hasSuffix("_ci") }
        #expect(names.count == 10)
        let together = try report(ranks: 2, [])
        for name in names where name != "eval_rewards/accuracies_ci" {
            let (a, b) = try (#require(alone[name] as? [Double]), #require(together[name] as? [Double]))
            let value = try #require(alone[String(name.dropLast(3))] as? Double)
            #expect(a.count == 2 && a[0] <= value && value <= a[1])
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($0)) }, "\(name): \(a) and \(b)")
        }
    }
}
