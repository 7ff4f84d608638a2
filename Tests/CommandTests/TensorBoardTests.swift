internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs that write event files for TensorBoard.
@Suite(.serialized)
struct TensorBoardTests {
    private static let options = ["--max-steps", "8", "--save-steps", "3", "--report-to", "tensorboard"]

    private func runs(_ directory: FilePath) -> TinyRuns { TinyRuns(output: directory.appending("out")) }

    private func expectMetrics(_ events: EventFiles, of output: FilePath, atLeast count: Int) throws {
        let differences = try events.differences(from: output.appending("metrics.jsonl"))
        #expect(differences == [])
        #expect(events.scalars.count >= count)
    }

    @Test("the scalars of a run are the numbers of metrics.jsonl, also after it has resumed and repeated steps")
    func resumed() throws {
        try Places.temporary { directory in
            let runs = runs(directory)
            let evaluation = ["--eval-data", Golden.tied.file.string, "--eval-steps", "2", "--eval-on-start"]
            let before = Date().timeIntervalSince1970
            try runs.finish(Self.options + evaluation)
            let place = try #require(try eventDirectories(runs.output).first)
            let first = try EventFiles(place)
            try expectMetrics(first, of: runs.output, atLeast: 8 * 20 + 5 * 10)
            #expect(first.starts == [0] && Set(first.texts.keys) == ["args/text_summary", "model_config/text_summary"])
            #expect(first.times == first.times.sorted() && first.times[0] >= before)
            let tags = Set(first.scalars.keys.map(\.tag))
            #expect(tags.isSuperset(of: ["train/loss", "train/grad_norm", "train/rewards/chosen", "train/epoch"]))
            #expect(tags.isSuperset(of: ["eval/loss", "eval/rewards/accuracies"]) && !tags.contains("train/step"))
            // Another name of the directory, as users give it, and steps 7 and 8 again.
            let renamed = place.removingLastComponent().appending("my name")
            try FileManager.default.moveItem(atPath: place.string, toPath: renamed.string)
            try reopen(runs.output)
            try runs.finish(Self.options + evaluation + ["--resume", "--logging-steps", "2"])
            #expect(try eventDirectories(runs.output) == [renamed])
            let both = try EventFiles(renamed)
            #expect(both.starts == [0, 7] && both.times == both.times.sorted())
            try expectMetrics(both, of: runs.output, atLeast: 7 * 20 + 5 * 10)
            let settings = try String(contentsOfFile: runs.output.appending("espalier.yaml").string, encoding: .utf8)
            let code = settings.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }
            #expect(both.texts["args/text_summary"] == code.joined(separator: "\n"))
        }
    }

    @Test("a new run has a directory of its own, and one that resumes without the setting changes none")
    func directories() throws {
        try Places.temporary { directory in
            let runs = runs(directory)
            try runs.finish(Self.options)
            try runs.finish(Self.options)
            let places = try eventDirectories(runs.output)
            #expect(places.count == 2)
            for place in places { #expect(try EventFiles(place).starts == [0]) }
            try reopen(runs.output)
            // The option overrides a file.
            let settings = runs.output.appending("espalier.yaml").string
            try runs.finish(["--config", settings, "--report-to", "none", "--resume"])
            #expect(try eventDirectories(runs.output) == places)
            for place in places { #expect(try EventFiles(place).starts == [0]) }
            #expect(try String(contentsOfFile: settings, encoding: .utf8).contains("\nreport_to: []\n"))
        }
    }

    @Test("a run that starts to report when it resumes has a directory from there on")
    func later() throws {
        try Places.temporary { directory in
            let runs = runs(directory)
            try runs.finish(["--max-steps", "8", "--save-steps", "3"])
            #expect(try eventDirectories(runs.output).isEmpty)
            try reopen(runs.output)
            try runs.finish(Self.options + ["--resume"])
            let place = try #require(try eventDirectories(runs.output).first)
            let events = try EventFiles(place)
            #expect(events.starts == [7] && Set(events.scalars.keys.map(\.step)) == [7, 8])
        }
    }

    @Test("another tracker is refused, with the way to import metrics.jsonl")
    func refusals() throws {
        try Places.temporary { directory in
            let runs = runs(directory)
            let place = "as in \"TensorBoard and other trackers\" in Documentation/Running.md"
            for names in [["tensorboard,wandb"], ["tensorboard", "wandb"], ["wandb", "--report-to", "tensorboard"]] {
                let refusal = try runs.refusal(["--report-to"] + names)
                #expect(
                    refusal
                        == "error: report_to must be tensorboard or none, found wandb; import metrics.jsonl in output, "
                        + "each line by run.log(line, step=line.pop(\"step\")), \(place)"
                )
            }
            #expect(!runs.exists("runs"))
        }
    }
}
