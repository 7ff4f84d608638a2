internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// What `espalier plan` foretells.
@Suite(.serialized)
struct PlanTests {
    private func plan(_ arguments: [String]) throws -> [String] {
        let golden = Golden.tied
        let outcome = try Launch.run(
            "espalier",
            ["plan", "--model", golden.directory.string, "--data", golden.file.string] + arguments,
            solo: true
        )
        #expect(outcome.status == 0, "\(outcome.errors)")
        return outcome.output.components(separatedBy: "\n")
    }

    @Test("lengths, sharing, rows and the tree of a row")
    func page() throws {
        let lines = try plan(["--global-batch-size", "3", "--row-tokens", "100", "--ranks", "2", "--row", "3"])
        let words = lines.map { $0.split(separator: " ").joined(separator: " ") }
        for line in [
            "tokens min median 90 % max count", "prompt 1 23 90 90 6", "response 1 10 21 30 16",
            "sharing tokens TFLOP × fewer", "none 823 0.00 1.00", "steps 2 of 3 rows, 2 an epoch",
            "row 3: 2 responses to a prompt of 17 tokens; 28 tokens computed, 52 without sharing",
        ] {
            #expect(words.contains(line), "\(line) in \(words)")
        }
        #expect(words.contains { $0.hasPrefix("ranks 2, each 0.00 TFLOP a step; the costliest has ") })
        #expect(!words.contains { $0.hasPrefix("eval") })
    }

    @Test("how often how many held-out rows are judged, and the memory that their rows take")
    func evaluation() throws {
        let held = ["--eval-data", Golden.tied.file.string]
        let often = try plan(held + ["--eval-steps", "2", "--eval-on-start", "--max-steps", "5", "--ranks", "2"])
        #expect(often.contains("eval     6 rows 4 times, each 0.00 TFLOP a rank"), "\(often)")
        // The first row alone is trained on; the others are larger.
        func memory(_ arguments: [String]) throws -> String? {
            try plan(
                ["--no-shuffle", "--global-batch-size", "1", "--max-steps", "1", "--row-tokens", "100000"] + arguments
            )
            .first { $0.hasPrefix("memory") }
        }
        let (alone, judged) = (try memory([]), try memory(held))
        #expect(alone != nil && judged != nil && alone != judged)
    }

    @Test("the memory has room for rows that a run takes only where it goes back")
    func rollback() throws {
        try Places.temporary { directory in
            // The first row alone is trained on, unless the run goes back; the others are larger.
            let course = ["--no-shuffle", "--global-batch-size", "1", "--max-steps", "1", "--row-tokens", "100000"]
            func memory(_ name: String, _ settings: String) throws -> String? {
                let file = directory.appending(name)
                try settings.write(toFile: file.string, atomically: true, encoding: .utf8)
                return try plan(course + ["--config", file.string]).first { $0.hasPrefix("memory") }
            }
            let saved = try memory("saved", "save_steps: 100\n")
            let goesBack = try memory("goes-back", "save_steps: 100\nrollback_on_spike: 5.0\n")
            #expect(saved != nil && goesBack != nil && saved != goesBack)
        }
    }

    @Test("the tokens foretold are those that a run computes")
    func tokens() throws {
        for sharing in ["none", "prompt", "prefix"] {
            let run = try train(["--sharing", sharing])
            let foretold = try plan(["--global-batch-size", "4", "--num-train-epochs", "2"])
                .map { $0.split(separator: " ") }
                .drop { $0.first != "sharing" }
                .first { $0.first == Substring(sharing) }
            #expect(foretold.map { Double($0[1]) } == run.summary["tokens_computed"])
        }
    }
}
