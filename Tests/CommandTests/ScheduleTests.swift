internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Warm-up, and runs whose learning rate never rises.
@Suite(.serialized)
struct ScheduleTests {
    private func withRuns(_ body: (TinyRuns) throws -> Void) throws {
        try Places.temporary { try body(TinyRuns(output: $0.appending("out"))) }
    }

    @Test("a run whose every step has the rate 0 is refused before it writes anything, with the remedy")
    func zero() throws {
        try withRuns { runs in
            let end = "every step would have the learning rate 0, and the run would learn nothing; "
            let steps = "train more steps (max_steps, num_train_epochs), or set"
            for (arguments, text) in [
                (["--warmup-ratio", "0.1"], "warmup_ratio 0.1"), (["--warmup-steps", "1"], "warmup_steps 1"),
                (["--warmup-steps", "0.5"], "warmup_steps 0.5"),
                (["--warmup-steps", "20", "--lr-scheduler-type", "cosine"], "warmup_steps 20"),
                (["--warmup-steps", "3", "--lr-scheduler-type", "constant_with_warmup"], "warmup_steps 3"),
            ] {
                let name = text.prefix { $0 != " " }
                let expected =
                    "error: \(text) makes the only step of the run warm-up, which starts at 0: \(end)\(steps) \(name) to 0"
                #expect(try runs.refusal(["--max-steps", "1"] + arguments) == expected)
            }
            let small = try runs.refusal(["--max-steps", "3", "--learning-rate", "1e-46"])
            let tiny = "error: learning_rate must be a number above 0 in float32, found 1e-46: "
            #expect(small == tiny + end + "raise learning_rate")
            #expect(!runs.exists("."))
            // Constant rates have no warm-up.
            let constant = ["--max-steps", "1", "--warmup-steps", "1", "--lr-scheduler-type", "constant"]
            let ignored = "warmup_steps 1 has no effect with lr_scheduler_type constant"
            #expect(try runs.notices(constant).first == "warning: \(ignored); use constant_with_warmup for warm-up")
        }
    }

    @Test("warm-up of more than half of a run is reported before it, and trains with the documented rates")
    func long() throws {
        try withRuns { runs in
            let notices = try runs.notices(["--max-steps", "4", "--warmup-steps", "8"])
            let warning =
                "the run of 4 steps ends before the warm-up of 8, and the learning rate reaches 0.00375 of 0.01"
            #expect(notices.first == "warning: warmup_steps 8: \(warning)", "\(notices)")
            let rates = try TrainedRun(runs.output).metrics.map { $0["learning_rate"] }
            #expect(rates == [0, 0.00125, 0.0025, 0.00375])
            let all = try runs.notices(["--max-steps", "4", "--warmup-ratio", "1"]).first
            let allOfIt = "warm-up takes all 4 steps, and the learning rate reaches 0.0075 of 0.01"
            #expect(all == "warning: warmup_ratio 1.0: \(allOfIt)")
            let most = try runs.notices(["--max-steps", "4", "--warmup-ratio", "0.75"]).first
            let reached = "warm-up takes 3 of 4 steps, and the learning rate reaches 0.01"
            #expect(most == "warning: warmup_ratio 0.75: \(reached)")
            let half = try runs.notices(["--max-steps", "4", "--warmup-ratio", "0.5"])
            #expect(!half.contains { $0.hasPrefix("warning: ") }, "\(half)")
        }
    }

    @Test("a checkpoint of a version without warm-up steps resumes like one with 0")
    func earlierVersion() throws {
        try withRuns { runs in
            let settings = ["--max-steps", "4", "--save-steps", "2"]
            try runs.finish(settings)
            let weights = try TrainedRun(runs.output).weights
            let checkpoint = runs.output.appending("checkpoint-2")
            try rewriteCheckpoint(checkpoint, "espalier.yaml") { text in
                text.split(separator: "\n").filter { !$0.hasPrefix("warmup_steps: ") }.joined(separator: "\n")
            }
            let resume = ["--resume", checkpoint.string]
            #expect(try runs.notices(settings + resume).first == "resuming after step 2 from OUT/checkpoint-2")
            #expect(try TrainedRun(runs.output).weights == weights && weights.count == 29)
            let other = try runs.refusal(settings + ["--warmup-steps", "1"] + resume)
            #expect(other.contains(": made with warmup_steps: 0, this run has 1; resume with "), "\(other)")
        }
    }

    @Test("warm-up steps are recorded, replace the ratio, and a resumed run must have the same")
    func recorded() throws {
        try withRuns { runs in
            let (settings, arguments) = (["--max-steps", "4", "--save-steps", "2"], ["--warmup-steps", "2"])
            let notices = try runs.notices(settings + ["--warmup-ratio", "0.25"] + arguments)
            #expect(notices.first == "warning: warmup_ratio 0.25 has no effect: warmup_steps 2 replaces it")
            #expect(try TrainedRun(runs.output).metrics.map { $0["learning_rate"] } == [0, 0.005, 0.01, 0.005])
            let recorded = try String(contentsOfFile: runs.output.appending("espalier.yaml").string, encoding: .utf8)
            #expect(recorded.contains("warmup_steps: 2"))
            let other = try runs.refusal(settings + ["--warmup-ratio", "0.25", "--resume"])
            #expect(other.contains(": made with warmup_steps: 2, this run has 0; resume with "), "\(other)")
        }
    }

    @Test("plan reports the steps of warm-up, and a schedule that never rises")
    func plan() throws {
        func lines(_ arguments: [String]) throws -> [String] {
            let golden = Golden.tied
            let words = ["plan", "--model", golden.directory.string, "--data", golden.file.string] + arguments
            let outcome = try Launch.run("espalier", words, solo: true)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.output.split(separator: "\n").map(String.init).filter { $0.hasPrefix("warm-up") }
        }
        #expect(try lines(["--max-steps", "10"]) == [])
        let some = "warm-up  4 of 10 steps, highest learning rate 1e-06"
        #expect(try lines(["--max-steps", "10", "--warmup-steps", "4"]) == [some])
        let all = "warm-up  4 of 2 steps, highest learning rate 2.5e-07 of 1e-06"
        #expect(try lines(["--max-steps", "2", "--warmup-steps", "4"]) == [all])
        let never = "warm-up  every step has the learning rate 0: train refuses this schedule"
        #expect(try lines(["--max-steps", "1", "--warmup-ratio", "0.1"]) == [never])
    }
}
