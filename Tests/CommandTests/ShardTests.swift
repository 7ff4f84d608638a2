internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// With a fixed number of shards a run has the same bits on any number of ranks; other options of communication.
@Suite(.serialized, .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"))
struct ShardTests {
    /// Buckets of two units, so that even the tiny model has several, and shards that some steps leave empty.
    private static let small = ["--ddp-bucket-cap-mb", "0.03125"]

    /// Trains on two dozen examples, three steps of eight, with an evaluation after every second step.
    private func run(
        _ output: FilePath,
        ranks: Int,
        _ arguments: [String] = ["--shards", "8"] + ShardTests.small
    ) throws -> TrainedRun {
        let outcome = try start(output, ranks: ranks, arguments)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
        return try TrainedRun(output)
    }

    private func start(_ output: FilePath, ranks: Int, _ arguments: [String]) throws -> Outcome {
        let directory = output.removingLastComponent()
        let (settings, data) = (directory.appending("settings.yaml"), directory.appending("data.safetensors"))
        try "adam_epsilon: 0.001\nbeta: 0.5\nlearning_rate: 0.01\nsave_steps: 2\nnum_train_epochs: 1\neval_steps: 2\n"
            .write(toFile: settings.string, atomically: true, encoding: .utf8)
        try writeExamples(24, to: data)
        return try Launch.run(
            "espalier",
            [
                "train", "--config", settings.string, "--model", Golden.tied.directory.string, "--data", data.string,
                "--eval-data", Golden.tied.file.string, "--output", output.string, "--global-batch-size", "8",
                "--threads", "1", "--row-tokens", "64",
            ] + arguments,
            ranks: ranks
        )
    }

    /// Examples of very different lengths, of which every third extends the one before.
    private func writeExamples(_ count: Int, to path: FilePath) throws {
        let examples = (0..<count).map { row -> Example in
            let seed = row - (row % 3 == 2 ? 1 : 0)
            let prompt = (0..<(5 + seed * 7 % 23)).map { Int32((seed * 31 + $0 * 17) % 131) }
            let responses = (0..<2).map { response in
                (0..<(2 + (row + 3 * response) % 9)).map { Int32((row * 13 + response * 5 + $0) % 131) }
            }
            return (prompt + (seed < row ? [7, 8, 9] : []), responses)
        }
        try writePrepared(examples, to: path)
    }

    private func expectSame(_ run: TrainedRun, _ other: TrainedRun) {
        expectSameBits(run, other, steps: 3)
        #expect(run.evaluations.count == 2)
    }

    @Test(
        "a run of eight shards has the same metrics and weights, bit by bit, on 1, 2, 4 and 8 ranks",
        arguments: [["sigmoid"], ["aot", "--pairs", "all"]]
    )
    func ranks(loss: [String]) throws {
        try Places.temporary { directory in
            let arguments = ["--shards", "8", "--loss-type"] + loss + Self.small
            let alone = try run(directory.appending("1"), ranks: 1, arguments)
            #expect((alone.metrics.last?["loss"] ?? 1) < (alone.metrics.first?["loss"] ?? 0), "the run learns")
            #expect(alone.summary["shards"] == 8)
            for ranks in [2, 4, 8] {
                let other = try run(directory.appending("\(ranks)"), ranks: ranks, arguments)
                expectSame(other, alone)
                #expect(other.summary["ranks"] == Double(ranks))
            }
        }
    }

    @Test("a run of eight shards resumes with the same bits on another number of ranks")
    func resumed() throws {
        try Places.temporary { directory in
            let uninterrupted = try run(directory.appending("uninterrupted"), ranks: 2)
            for (first, second) in [(1, 4), (4, 1), (2, 8)] {
                let output = directory.appending("\(first)-\(second)")
                _ = try run(output, ranks: first)
                try reopen(output)
                let resumed = try run(output, ranks: second, ["--shards", "8", "--resume"] + Self.small)
                expectSame(resumed, uninterrupted)
            }
        }
    }

    @Test("buckets, overlap and the choice among collectives of the same order change no bit")
    func summationOrders() throws {
        try Places.temporary { directory in
            let plain = try run(directory.appending("plain"), ranks: 4, ["--no-overlap-comm"])
            for (index, way) in [
                Self.small, ["--collective", "halving"] + Self.small, ["--collective", "direct"],
                ["--collective", "hierarchical", "--no-overlap-comm"] + Self.small,
            ].enumerated() {
                expectSame(try run(directory.appending("\(index)"), ranks: 4, way), plain)
            }
        }
    }

    @Test(
        "sums in another order differ by float32 rounding, gradients sent as bfloat16 by bfloat16 rounding",
        arguments: [
            (["--collective", "ring"], 1e-5), (["--collective", "mpi"], 1e-5), (["--reduce-dtype", "bfloat16"], 2e-2),
            (["--reduce-dtype", "bfloat16", "--collective", "ring"], 2e-2),
        ]
    )
    func orders(way: [String], tolerance: Double) throws {
        try Places.temporary { directory in
            let plain = try run(directory.appending("plain"), ranks: 3, Self.small)
            let other = try run(directory.appending("other"), ranks: 3, way + Self.small)
            #expect(other.metrics.count == 3 && plain.metrics.count == 3)
            for (a, b) in zip(other.metrics, plain.metrics) {
                let (loss, norm) = (b["loss"] ?? 0, b["grad_norm"] ?? 0)
                #expect(loss > 0 && norm > 0)
                #expect(abs((a["loss"] ?? 0) - loss) <= tolerance * loss)
                #expect(abs((a["grad_norm"] ?? 0) - norm) <= tolerance * norm)
            }
            if way.contains("bfloat16") { #expect(other.weights != plain.weights) }
            let again = try run(directory.appending("again"), ranks: 3, way + Self.small)
            #expect(again.weights == other.weights && !other.weights.isEmpty)
        }
    }

    @Test(
        "shards that do not divide over ranks, and options that break bit-identity, are refused",
        arguments: [
            (3, ["--shards", "8"], "8 shards cannot be divided over 3 ranks; start a power of two of them, at most 8"),
            (2, ["--shards", "1"], "1 shards cannot be divided over 2 ranks"),
            (1, ["--shards", "6"], "shards must be a power of two up to 2^20, found 6"),
            (
                2, ["--shards", "8", "--collective", "ring"],
                "collective must be auto, halving, direct or hierarchical with shards, found ring"
            ),
            (
                2, ["--shards", "8", "--reduce-dtype", "bfloat16"],
                "reduce_dtype must be float32 with shards, found bfloat16"
            ),
        ]
    )
    func refused(ranks: Int, arguments: [String], reason: String) throws {
        try Places.temporary { directory in
            let outcome = try start(directory.appending("out"), ranks: ranks, arguments)
            #expect(outcome.status == 64 && outcome.errors.hasPrefix("error: " + reason), "\(outcome.errors)")
        }
    }

    @Test("the trace shows every rank, with communication in a separate lane")
    func trace() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            _ = try run(output, ranks: 2, ["--profile-phases"] + Self.small)
            let data = try #require(FileManager.default.contents(atPath: output.appending("trace.json").string))
            let root = try JSONSerialization.jsonObject(with: data) as? [String: Any]
            let events = try #require(root?["traceEvents"] as? [[String: Any]])
            for rank in 0..<2 {
                let own = events.filter { $0["pid"] as? Int == rank }
                #expect((own.first?["args"] as? [String: Any])?["name"] as? String == "rank \(rank)")
                #expect(own.contains { $0["name"] as? String == "optimizer" && $0["tid"] as? Int == 0 })
                let sent = own.filter { $0["cat"] as? String == "communication" && $0["tid"] as? Int == 1 }
                // Eight buckets reduced and gathered, in each of the two steps after the first.
                #expect(sent.map { $0["name"] as? String }.filter { $0 == "reduce" }.count == 16)
                #expect(sent.count == 32)
            }
        }
    }

    @Test("total and exposed communication times are reported")
    func times() throws {
        try Places.temporary { directory in
            let together = try run(directory.appending("a"), ranks: 2)
            for line in together.metrics {
                let (whole, exposed) = (line["communication_seconds"] ?? 0, line["exposed_communication_seconds"] ?? 0)
                #expect(whole > 0 && exposed > 0 && exposed < line["step_seconds"] ?? 0, "\(line)")
            }
            let apart = try run(directory.appending("b"), ranks: 1)
            for line in apart.metrics { #expect((line["communication_seconds"] ?? 1) < 0.001) }
        }
    }
}
