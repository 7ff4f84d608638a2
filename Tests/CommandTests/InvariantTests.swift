internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// A run means the same whatever the sharing, the rows, the ranks and the threads: only rounding differs.
@Suite(.serialized)
struct InvariantTests {
    private static let names = [
        "loss", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen", "logps/rejected",
        "entropy", "mean_token_accuracy", "learning_rate", "tokens_unshared",
    ]

    private func expectSame(_ run: TrainedRun, _ other: TrainedRun, names: [String] = Self.names) {
        #expect(run.metrics.count == 4 && other.metrics.count == 4)
        for (step, (found, expected)) in zip(run.metrics, other.metrics).enumerated() {
            for name in names {
                guard let a = found[name], let b = expected[name] else {
                    Issue.record("step \(step): \(name) is missing")
                    continue
                }
                // Rewards start at 0: they are judged by the size of what they are differences of.
                let size = name.hasPrefix("rewards") ? max(abs(b), 1) : abs(b)
                #expect(abs(a - b) <= 1e-5 * size, "step \(step): \(name) \(a) and \(b)")
            }
        }
        #expect(run.weights.count == other.weights.count && run.weights.count == 29)
        for (name, values) in run.weights {
            let expected = other.weights[name] ?? []
            let error = zip(values, expected).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot()
            let size = expected.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
            #expect(values.count == expected.count && error <= 1e-5 * size, "\(name): \(error / size)")
        }
    }

    @Test("sharing, rows and threads do not change a run")
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
        "the number of ranks does not change a run, also where the last step leaves ranks without work",
        .enabled(if: Launch.hasMPI, "mpirun is not installed"),
        arguments: [1, 2, 4]
    )
    func ranks(ranks: Int) throws {
        let plain = try train(["--sharing", "none", "--row-tokens", "64"])
        expectSame(try train(ranks: ranks), plain)
        expectSame(try train(ranks: ranks, ["--sharing", "prompt", "--row-tokens", "50", "--threads", "2"]), plain)
    }

    @Test("a response that ties with the best is learned from no more than one that is not there")
    func ties() throws {
        try Places.temporary { directory in
            let (tied, without) = (directory.appending("tied.safetensors"), directory.appending("without.safetensors"))
            try writeSecondResponses(tied: true, to: tied)
            try writeSecondResponses(tied: false, to: without)
            let (run, expected) = (try train(["--data", tied.string]), try train(["--data", without.string]))
            #expect(run.summary["pairs"] == expected.summary["pairs"])
            #expect((run.summary["tokens_unshared"] ?? 0) > (expected.summary["tokens_unshared"] ?? .infinity))
            expectSame(run, expected, names: Self.names.filter { !["entropy", "tokens_unshared"].contains($0) })
        }
    }

    /// Writes the golden data with the second of three or more responses tied to the first, or without it.
    private func writeSecondResponses(tied: Bool, to path: FilePath) throws {
        let golden = try SafetensorsFile(Golden.tied.file)
        let ids = try golden.int32s("response_ids")
        let starts = try golden.int64s("response_offsets").map { Int($0) }
        let rows = try golden.int64s("row_offsets").map { Int($0) }
        var (responses, offsets, rowOffsets, ranks) = ([Int32](), [Int64(0)], [Int64(0)], [Int32]())
        for (first, end) in zip(rows, rows.dropFirst()) {
            for index in first..<end {
                let isSecond = index == first + 1 && end - first > 2
                guard tied || !isSecond else { continue }
                responses += ids[starts[index]..<starts[index + 1]]
                offsets.append(Int64(responses.count))
                ranks.append(index == first || isSecond ? 0 : 1)
            }
            rowOffsets.append(Int64(ranks.count))
        }
        try SafetensorsWriter.write(
            [
                SafetensorsEntry(name: "prompt_ids", try golden.int32s("prompt_ids")),
                SafetensorsEntry(name: "prompt_offsets", try golden.int64s("prompt_offsets")),
                SafetensorsEntry(name: "response_ids", responses),
                SafetensorsEntry(name: "response_offsets", offsets),
                SafetensorsEntry(name: "row_offsets", rowOffsets),
                SafetensorsEntry(name: "response_ranks", ranks),
            ],
            metadata: ["format": "espalier-preferences", "format_version": "2"],
            to: path
        )
    }

    @Test(
        "a free head and multi-head attention train as well",
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
