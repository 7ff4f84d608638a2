internal import Foundation
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Runs with an adapter that are stopped and resumed, and their bits on several ranks.
@Suite(.serialized)
struct AdapterResumeTests {
    @Test("a killed and resumed run with an adapter has the bits of an uninterrupted one", arguments: NewAdapter.all)
    func killed(adapter: NewAdapter) throws {
        try Places.temporary { directory in
            let (uninterrupted, output) = (directory.appending("uninterrupted"), directory.appending("killed"))
            let options = adapter.arguments + ["--max-steps", "40"]
            let watch = send(SIGKILL, when: checkpoint(output, 10))
            #expect(try LongRun.start(output, options, watch: watch).status == SIGKILL)
            #expect(!exists(output.appending("adapter_model.safetensors")))
            let resumed = try LongRun.finish(output, options + ["--resume"])
            let expected = try LongRun.finish(uninterrupted, options)
            expectSameBits(resumed, expected, steps: 40, tensors: adapter.tensors)
            #expect(try checkpoints(output) == Array(stride(from: 5, to: 40, by: 5)))
        }
    }

    @Test(
        "a run from an adapter resumes with the same bits, on one rank and on two",
        .enabled(if: Launch.hasMPI, "mpirun is not installed"),
        arguments: [nil, 2]
    )
    func ranks(ranks: Int?) throws {
        try Places.temporary { directory in
            let (start, output) = (directory.appending("start"), directory.appending("out"))
            _ = try LongRun.finish(start, NewAdapter.everything.arguments + ["--max-steps", "3"])
            let options = ["--adapter", start.string, "--max-steps", "12"]
            let uninterrupted = try LongRun.finish(output, options, ranks: ranks)
            try FileManager.default.removeItem(atPath: checkpoint(output, 10).string)
            try FileManager.default.removeItem(atPath: output.appending("adapter_model.safetensors").string)
            try reopen(output)
            let resumed = try LongRun.finish(output, options + ["--resume"], ranks: ranks)
            expectSameBits(resumed, uninterrupted, steps: 12, tensors: NewAdapter.everything.tensors)
            #expect(resumed.summary["ranks"] == Double(ranks ?? 1))
        }
    }

    @Test("a finished run with an adapter is not repeated, also if its defaults are stated, unless the adapter is lost")
    func finished() throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            let options = NewAdapter.plain.arguments + ["--max-steps", "3", "--resume"]
            try runs.finish(options)
            let names = ["adapter_model.safetensors", "adapter_config.json", "metrics.jsonl", "espalier-run.json"]
            let written = try runs.state(names)
            #expect(written.count == names.count)
            let stated = ["--use-peft", "--lora-alpha", "32", "--lora-dropout", "0", "--dtype", "float32"]
            for arguments in [options, options + stated] {
                let notices = try runs.notices(arguments)
                #expect(notices.count == 1 && notices[0].hasPrefix("OUT: the run has finished"), "\(notices)")
                #expect(try runs.state(names) == written)
            }
            try runs.remove("adapter_model.safetensors")
            let notices = try runs.notices(options)
            #expect(notices[0].hasPrefix("warning: OUT/adapter_model.safetensors is missing"), "\(notices)")
            #expect(try runs.state(names)["adapter_model.safetensors"]?.first == written[names[0]]?.first)
        }
    }

    @Test("an adapter that cannot be resumed is continued by the option that the error names")
    func remedies() throws {
        try Places.temporary { directory in
            let runs = TinyRuns(output: directory.appending("out"))
            let options = NewAdapter.plain.arguments + ["--max-steps", "3"]
            try runs.finish(options + ["--save-steps", "2"])
            let longer = try runs.refusal(NewAdapter.plain.arguments + ["--max-steps", "5", "--resume"])
            #expect(
                longer.hasSuffix("start a new run from the trained adapter, with it as --adapter and another --output"),
                "\(longer)"
            )
            let saved = checkpoint(runs.output, 2)
            try rewriteCheckpoint(saved, "espalier-state.json") {
                $0.replacingOccurrences(of: "architecture-1:", with: "architecture-0:")
            }
            let other = try runs.refusal(options + ["--resume", saved.string])
            #expect(
                other.hasSuffix("start a new run from the weights with --adapter OUT/checkpoint-2"),
                "\(other)"
            )
            try rewriteCheckpoint(saved, "espalier.yaml") { $0 + "novel_setting: 1\n" }
            let settings = try runs.refusal(options + ["--resume", saved.string])
            #expect(
                settings.hasSuffix("start a new run from its weights with --adapter OUT/checkpoint-2"),
                "\(settings)"
            )
            try TinyRuns(output: directory.appending("more")).finish(["--max-steps", "1", "--adapter", saved.string])
        }
    }

    @Test("a resumed run keeps the best adapter")
    func best() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let options =
                NewAdapter.plain.arguments + [
                    "--max-steps", "12", "--eval-data", Golden.tied.file.string, "--eval-steps", "4",
                    "--load-best-model-at-end", "--metric-for-best-model", "rewards/rejected", "--lr-scheduler-type",
                    "constant",
                ]
            let uninterrupted = try LongRun.finish(output, options)
            try FileManager.default.removeItem(atPath: output.appending("adapter_model.safetensors").string)
            try reopen(output)
            let resumed = try LongRun.finish(output, options + ["--resume"])
            expectSameBits(resumed, uninterrupted, steps: 12, tensors: 42)
            #expect(resumed.evaluations.count == 3 && (resumed.summary["best_global_step"] ?? 12) < 12)
        }
    }

    @Test(
        "a run of four shards has the same metrics and weights, bit by bit, on 1, 2 and 4 ranks",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"),
        arguments: NewAdapter.all
    )
    func shards(adapter: NewAdapter) throws {
        try Places.temporary { directory in
            let options = adapter.arguments + ["--shards", "4", "--max-steps", "6", "--ddp-bucket-cap-mb", "0.03125"]
            let alone = try LongRun.finish(directory.appending("1"), options, ranks: 1)
            for ranks in [2, 4] {
                let other = try LongRun.finish(directory.appending("\(ranks)"), options, ranks: ranks)
                expectSameBits(other, alone, steps: 6, tensors: adapter.tensors)
                #expect(other.summary["ranks"] == Double(ranks))
            }
        }
    }

    @Test("sharing, packing and threads do not change a run with an adapter", arguments: NewAdapter.all)
    func invariant(adapter: NewAdapter) throws {
        let plain = try train(["--sharing", "none", "--row-tokens", "64"] + adapter.arguments)
        for other in [["--threads", "3"], ["--sharing", "prompt", "--row-tokens", "200", "--recompute"]] {
            expectSame(try train(other + adapter.arguments), plain, tensors: adapter.tensors)
        }
    }
}
