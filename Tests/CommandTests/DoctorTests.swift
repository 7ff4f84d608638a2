internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The findings of `espalier doctor`.
@Suite(.serialized)
struct DoctorTests {
    @Test("a single process gets a report of its hardware and libraries")
    func alone() throws {
        let outcome = try Launch.run("espalier", ["doctor", "--threads", "1"], solo: true)
        let lines = outcome.output.split(separator: "\n").filter { !$0.hasPrefix(" ") }
        let subjects = lines.dropLast().compactMap { $0.dropFirst(2).components(separatedBy: "  ").first }
            .filter { $0 != "environment" && $0 != "quota" && $0 != "granted" }
        let isClean = lines.dropLast().allSatisfy { $0.hasPrefix("✓") }
        #expect(lines.last?.hasPrefix("Nothing to fix.") == isClean)
        let rate = try #require(lines.first { $0.dropFirst(2).hasPrefix("rate ") })
        #expect(rate.contains(" GFLOP/s per thread in registers") && rate.contains("; OpenBLAS's products at "))
        #expect(rate.contains(" in bfloat16") == lines[1].contains("AVX512-BF16"))
        #expect(
            subjects == [
                "version", "processor", "kernels", "mpi", "binding", "transport", "/dev/shm", "huge pages", "memory",
                "rate", "products",
            ]
        )
    }

    @Test("kernels below the level of the processor are reported as a fault with the remedy")
    func kernels() throws {
        let outcome = try Launch.run(
            "espalier",
            ["doctor", "--threads", "1"],
            solo: true,
            variables: ["OPENBLAS_CORETYPE": "Prescott"]
        )
        guard outcome.output.contains("✓ processor     AVX") else {
            try Test.cancel("this processor has nothing faster than those kernels")
        }
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("✗ kernels       OpenBLAS uses those for Prescott; those for "))
        #expect(outcome.output.contains("    → unset OPENBLAS_CORETYPE, or set it to "))
    }

    @Test(
        "threads bound to fewer processors are a fault on every rank, printed once for identical ranks",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func binding() throws {
        let threads = "\(ProcessInfo.processInfo.processorCount + 1)"
        let outcome = try Launch.run("espalier", ["doctor", "--threads", threads], ranks: 2)
        #expect(outcome.status == 1)
        #expect(outcome.output.hasPrefix("ranks 0, 1\n"), "\(outcome.output)")
        #expect(outcome.output.contains("✗ binding       \(threads) threads on "))
        let remedy = "    → the threads of a rank would share processors: use --threads "
        #expect(outcome.output.contains(remedy))
        #expect(outcome.output.contains("\n✓ build         the same program on all ranks\n"))
        #expect(outcome.output.contains("\n✓ clock         all within a second\n"))
    }

    @Test(
        "latency and bandwidth are measured between any two ranks",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized"),
        arguments: [2, 3, 4]
    )
    func links(ranks: Int) throws {
        let outcome = try Launch.run("espalier", ["doctor", "--threads", "1"], ranks: ranks)
        let lines = outcome.output.components(separatedBy: "\n")
        let summary = try #require(lines.firstIndex { $0.hasPrefix("✓ links         \(ranks) ranks of one host: ") })
        let numbers = (0..<ranks).map { "\($0)" }
        for (number, title) in ["    µs of a small message", "    GB/s of messages of 4 MiB"].enumerated() {
            let part = lines.dropFirst(summary + 1 + number * (ranks + 2)).prefix(ranks + 2).map { String($0) }
            #expect(part[0] == title && words(part[1]) == numbers, "\(part)")
            let rows = part.dropFirst(2).map(words)
            #expect(rows.map { $0[0] } == numbers && rows.allSatisfy { $0.count == ranks + 2 }, "\(part)")
            for (from, row) in rows.enumerated() {
                for (to, cell) in row.dropFirst(2).enumerated() {
                    #expect(from == to ? cell == "-" : (Double(cell) ?? 0) > 0, "\(part)")
                    #expect(cell == rows[to][from + 2], "a link is symmetric")
                }
            }
        }
    }

    private func words(_ line: String) -> [String] { line.split(separator: " ").map { String($0) } }

    @Test(
        "ranks of one host divide its processors between them for any launcher",
        .enabled(if: Launch.hasMPI, "mpirun is not installed"),
        arguments: [
            [],
            ["OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "MPI_LOCALNRANKS"],
        ]
    )
    func shares(missing: [String]) throws {
        let program = Places.products.appending("espalier").string
        let options = RankStarter.own.unbound + ["-np", "2", "env"] + missing.flatMap { ["-u", $0] }
        let outcome = try Launch.ranks(options + [program, "doctor"])
        let line = try #require(outcome.output.split(separator: "\n").first { $0.dropFirst(2).hasPrefix("binding ") })
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count == 4, "\(line)")
        #expect(numbers[0] == max(1, numbers[1] / 2) && numbers[3] == 2, "\(line)")
    }

    @Test(
        "a rank that runs a different build is a fault",
        .enabled(if: Launch.testsRankRuns, "needs mpirun, optimized")
    )
    func builds() throws {
        try Places.temporary { directory in
            let program = Places.products.appending("espalier").string
            let other = directory.appending("espalier").string
            try FileManager.default.copyItem(atPath: program, toPath: other)
            let handle = try #require(FileHandle(forWritingAtPath: other))
            _ = try handle.seekToEnd()
            try handle.write(contentsOf: Data([0]))
            try handle.close()
            let doctor = ["doctor", "--threads", "1"]
            let ranks = ["-np", "1", program] + doctor + [":", "-np", "1", other] + doctor
            let outcome = try Launch.ranks(RankStarter.own.unbound + ranks)
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("\n✗ build         rank 1 runs a different program than rank 0\n"))
        }
    }
}
