internal import TestSupport
internal import Testing

/// Runs with any sharing, packing, ranks and threads give the same results up to rounding.
@Suite(.serialized)
struct InvariantTests {
    @Test("sharing, packing and threads do not change a run")
    func alone() throws {
        let plain = try train(["--sharing", "none", "--row-tokens", "64"])
        #expect((plain.metrics.last?["loss"] ?? 1) < (plain.metrics.first?["loss"] ?? 0), "the run learns")
        for arguments in [
            ["--sharing", "prompt", "--row-tokens", "1"],
            ["--sharing", "prompt", "--row-tokens", "200", "--threads", "3"],
            ["--sharing", "prefix", "--row-tokens", "4096"],
            ["--sharing", "prefix", "--row-tokens", "100", "--threads", "2"],
        ] {
            expectSame(try train(arguments), plain)
        }
    }

    @Test(
        "the number of ranks does not change a run, also if the last step leaves ranks idle",
        .enabled(if: Launch.hasMPI, "mpirun is not installed"),
        arguments: [1, 2, 4]
    )
    func ranks(ranks: Int) throws {
        let plain = try train(["--sharing", "none", "--row-tokens", "64"])
        expectSame(try train(ranks: ranks), plain)
        expectSame(try train(ranks: ranks, ["--sharing", "prompt", "--row-tokens", "50", "--threads", "2"]), plain)
    }

    @Test(
        "every objective has the same metrics and weights on one rank without sharing and on two with it",
        .enabled(if: Launch.hasMPI, "mpirun is not installed"),
        arguments: [
            [
                "sigmoid", "hinge", "ipo", "nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down", "discopop",
                "sigmoid_norm", "--pairs", "all",
            ],
            ["exo_pair", "robust", "--label-smoothing", "0.01"], ["sigmoid", "--f-divergence-type", "js_divergence"],
            ["aot", "--pairs", "best-vs-worst"], ["aot_unpaired", "--pairs", "all"], ["sft"], ["simpo", "cpo", "orpo"],
            ["plackett_luce"], ["sigmoid", "sft", "--loss-weights", "0.8", "0.2"],
            ["sigmoid", "--use-weighting", "--pairs", "all"], ["sigmoid", "--ld-alpha", "0.3", "--pairs", "all"],
        ]
    )
    func objectives(loss: [String]) throws {
        let arguments = ["--max-steps", "2", "--loss-type"] + loss
        let plain = try train(["--sharing", "none", "--row-tokens", "64"] + arguments)
        expectSame(try train(ranks: 2, ["--sharing", "prefix"] + arguments), plain, steps: 2)
        #expect(plain.metrics[0]["grad_norm"] ?? 0 > 0)
        let isFree = loss == ["sft"] || loss[0] == "simpo"
        #expect(plain.summary["reference_rows"] == (isFree ? 0 : 6))
    }

    @Test(
        "a model with an untied head and multi-head attention trains",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func freeHead() throws {
        let alone = try train(["--sharing", "none"], golden: .freeHead)
        let together = try train(ranks: 2, golden: .freeHead)
        #expect(alone.weights["lm_head.weight"]?.isEmpty == false)
        #expect(alone.metrics.count == 4 && together.metrics.count == 4)
        for (a, b) in zip(alone.metrics, together.metrics) {
            #expect(abs((a["loss"] ?? 0) - (b["loss"] ?? 1)) < 1e-5)
        }
    }

    @Test(
        "the summary reports the peak that mfu refers to, and the library's rate, of all ranks",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func peak() throws {
        let run = try train(ranks: 2, ["--max-steps", "1"])
        let (total, step) = (run.summary, try #require(run.metrics.first))
        for name in ["mfu", "peak_gflops", "library_gflops"] { #expect(total[name] ?? 0 > 0, "\(name)") }
        // With a single step both are the same quotient.
        #expect(total["mfu"] == step["mfu"])
        #expect((total["bfloat16_peak_gflops"] != nil) == (try hasBFloat16Instruction()))
    }

    @Test(
        "two runs with the same ranks and threads give the same bits",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func deterministic() throws {
        let first = try train(ranks: 2, ["--threads", "2"])
        let second = try train(ranks: 2, ["--threads", "2"])
        #expect(first.weights == second.weights && !first.weights.isEmpty)
        #expect(first.metrics.map { $0["grad_norm"] } == second.metrics.map { $0["grad_norm"] })
    }
}
