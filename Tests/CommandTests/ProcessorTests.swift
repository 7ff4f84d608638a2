internal import Collectives
internal import Foundation
internal import Glibc
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The number of threads that commands choose, and what they report about it.
@Suite(.serialized)
struct ProcessorTests {
    private let program = Places.products.appending("espalier").string
    private var golden: [String] {
        ["--model", Golden.tied.directory.string, "--data", Golden.tied.file.string]
    }

    private func binding(_ output: String) -> String? {
        output.split(separator: "\n").first { $0.dropFirst(2).hasPrefix("binding ") }.map { String($0) }
    }

    // MARK: Quotas

    @Test(
        "a real quota of a processor and a half is one thread for doctor, train and launch, and doctor names it",
        .enabled(if: QuotaGroup.isPossible, "no control group can be created here")
    )
    func quota() throws {
        let group = try QuotaGroup(percent: [150])
        defer { group.remove() }
        func run(_ words: [String]) throws -> Outcome {
            let all = group.words() + [program] + words
            return try Launch.tool(all[0], Array(all.dropFirst()))
        }
        let doctor = try run(["doctor"])
        #expect(binding(doctor.output)?.contains("1 thread on ") == true, "\(doctor.output)\(doctor.errors)")
        #expect(
            doctor.output.contains("✓ quota         the control group grants the time of 1.50 processors for 1 rank (/")
        )
        let excess = try run(["doctor", "--threads", "2"])
        #expect(excess.output.contains("! quota         "), "\(excess.output)")
        try Places.temporary { directory in
            let output = directory.appending("out")
            let train = try run(["train", "--max-steps", "1", "--output", output.string] + golden)
            #expect(train.status == 0, "\(train.errors)")
            #expect(try TrainedRun(output).summary["threads"] == 1)
            let cluster = try Clusters.file("{ranks_per: host, bind_to: none}", in: directory)
            let launch = try run(["launch", "--dry-run", "--cluster", cluster.string, "--", "doctor"])
            #expect(launch.output.hasSuffix(" --threads 1\n"), "\(launch.output)\(launch.errors)")
        }
    }

    @Test(
        "ranks of one control group divide its quota, ranks with a group each do not",
        .enabled(if: QuotaGroup.isPossible && Launch.hasMPI, "no control group can be created here, or no mpirun")
    )
    func sharedQuota() throws {
        for byRank in [false, true] {
            let group = try QuotaGroup(percent: [60, 60])
            defer { group.remove() }
            let words = RankStarter.own.unbound + ["-np", "2"] + group.words(byRank: byRank)
            let outcome = try Launch.ranks(words + [program, "doctor"])
            let expected = "the time of 0.60 processors for \(byRank ? "1 rank" : "2 ranks") ("
            #expect(outcome.output.contains(expected), "\(outcome.output)\(outcome.errors)")
            #expect(!outcome.output.contains(" granted "), "a quota is no binding")
        }
    }

    // MARK: Variables

    @Test("variables of OpenMP and BLAS libraries change no number of threads, and doctor explains each")
    func variables() throws {
        let plain = try Launch.run("espalier", ["doctor"], solo: true)
        let numbers = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS"]
        let others = ["OMP_PROC_BIND": "close", "GOMP_CPU_AFFINITY": "0"]
        let all = others.merging(numbers.map { ($0, "1") }) { $1 }
        let outcome = try Launch.run("espalier", ["doctor"], solo: true, variables: all)
        #expect(binding(outcome.output) == binding(plain.output) && binding(plain.output) != nil)
        let threads = try #require(binding(plain.output)?.split(separator: " ").compactMap { Int($0) }.first)
        for name in numbers {
            let line = "✓ environment   \(name)=1 has no effect: --threads decides, \(threads) here\n"
            #expect(outcome.output.contains(line) && !plain.output.contains(name), "\(outcome.output)")
        }
        func logps(_ variables: [String: String]) throws -> Data {
            try Places.temporary { directory in
                let output = directory.appending("logps").string
                let words = ["logps", "--threads", "2", "--output", output] + golden
                let outcome = try Launch.run("espalier", words, solo: true, variables: variables)
                #expect(outcome.status == 0, "\(outcome.errors)")
                return try Data(contentsOf: URL(fileURLWithPath: output))
            }
        }
        #expect(try logps(all) == logps([:]), "the same bits")
        for name in others.keys { #expect(outcome.output.contains(" environment   \(name)=")) }
    }

    @Test("a core of OpenBLAS that the user selects is reported as a change of speed and bits")
    func core() throws {
        let variables = ["OPENBLAS_CORETYPE": "Haswell"]
        let outcome = try Launch.run("espalier", ["doctor", "--threads", "1"], solo: true, variables: variables)
        let line =
            "environment   OPENBLAS_CORETYPE=Haswell selects OpenBLAS's kernels: speed, and the last bits of results\n"
        #expect(outcome.output.contains(line), "\(outcome.output)")
        try Places.temporary { directory in
            let logps = ["logps", "--threads", "1", "--output", directory.appending("logps").string] + golden
            let noted = try Launch.run("espalier", logps, solo: true, variables: variables)
            #expect(noted.errors.contains("OPENBLAS_CORETYPE=Haswell selects OpenBLAS's kernels, those for Haswell: "))
        }
        let plain = try Launch.run("espalier", ["doctor", "--threads", "1"], solo: true)
        #expect(!plain.output.contains("environment   OPENBLAS_CORETYPE"), "Espalier's own choice is no user's")
    }

    // MARK: Too many threads

    @Test("more threads than processors are reported before the first step, and a signal still ends the run")
    func excess() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            let words = [
                "train", "--threads", "64", "--max-steps", "100000", "--learning-rate", "1e-9", "--output",
                output.string,
            ]
            let metrics = output.appending("metrics.jsonl").string
            let outcome = try Launch.run("espalier", words + golden, solo: true, timeout: 100) { process in
                guard FileManager.default.fileExists(atPath: metrics) else { return false }
                kill(process, SIGTERM)
                return true
            }
            #expect(outcome.status == 75, "\(outcome.errors)")
            let count = ProcessInfo.processInfo.activeProcessorCount
            let warning = "warning: 64 threads of 1 rank on \(count) processor"
            #expect(outcome.errors.hasPrefix(warning), "\(outcome.errors)")
        }
    }

    @Test("threads that the system does not start are refused with the number that it does")
    func refused() throws {
        // Address space for some hundred stacks of 8 MiB.
        let script = "ulimit -s 8192; ulimit -v 6000000; exec \"$@\""
        let outcome = try Launch.tool("bash", ["-c", script, "bash", program, "doctor", "--threads", "1024"])
        #expect(outcome.status == 1, "\(outcome.output)\(outcome.errors)")
        #expect(
            outcome.errors.hasPrefix("error: --threads: expected 1024 threads per rank, but the system starts only ")
        )
        #expect(outcome.errors.count { $0 == "\n" } == 1, "\(outcome.errors)")
    }

    @Test("packed operands of more threads than there is memory for are refused, and nothing is left")
    func refusedMemory() throws {
        try Places.temporary { directory in
            let output = directory.appending("out")
            // Address space for 512 small stacks, and not for the operands of as many threads, 3 GB.
            let script = "ulimit -s 256; ulimit -v 2500000; exec \"$@\""
            let words = ["train", "--threads", "512", "--max-steps", "1", "--output", output.string] + golden
            let outcome = try Launch.tool("bash", ["-c", script, "bash", program] + words)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("error: cannot map 6 MiB of memory: "), "\(outcome.errors)")
            #expect(!exists(output))
        }
    }

    // MARK: Grants

    @Test("doctor reports ranks, processors granted and used in a Slurm job")
    func grant() throws {
        let count = ProcessInfo.processInfo.activeProcessorCount
        let job = ["SLURM_JOB_ID": "7", "SLURM_JOB_CPUS_PER_NODE": "\(count)"]
        let full = try Launch.run("espalier", ["doctor"], solo: true, variables: job)
        let source = "processors granted by Slurm (SLURM_JOB_CPUS_PER_NODE="
        #expect(
            full.output.contains("✓ granted       1 rank uses \(count) of \(count) \(source)\(count))\n"),
            "\(full.output)"
        )
        let step = job.merging(["SLURM_JOB_CPUS_PER_NODE": "256(x2)", "SLURM_STEP_NUM_TASKS": "1"]) { $1 }
        let part = try Launch.run("espalier", ["doctor"], solo: true, variables: step)
        #expect(
            part.output.contains("! granted       1 rank uses \(count) of 256 \(source)256(x2))\n"),
            "\(part.output)"
        )
        #expect(part.output.contains("    → use srun --cpus-per-task=256, which it does not inherit from sbatch"))
        let unenforced = job.merging(["SLURM_JOB_CPUS_PER_NODE": "1"]) { $1 }
        let excess = try Launch.run("espalier", ["doctor", "--threads", "2"], solo: true, variables: unenforced)
        guard count > 1 else { return }
        #expect(excess.output.contains("! granted       1 rank uses 2 of 1 \(source)1)\n"), "\(excess.output)")
    }

    @Test(
        "a rank that its launcher binds to one of several processors is reported",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func bound() throws {
        let count = ProcessInfo.processInfo.activeProcessorCount
        let cores = try Launch.tool(
            "bash",
            ["-c", "cat /sys/devices/system/cpu/cpu*/topology/thread_siblings_list | sort -u"]
        )
        guard count > 1, cores.output.split(separator: "\n").count > 1 else { try Test.cancel("there is one core") }
        let starter = RankStarter.own
        let outcome = try Launch.ranks(starter.bound + ["-np", "1", program, "doctor"])
        let name = starter.library == .mpich ? "mpiexec" : "mpirun"
        let found = "1 rank uses 1 of \(count) processors that \(name) may use"
        let remedy = "use \(starter.library.binding(threads: count))"
        #expect(outcome.output.contains("! granted       \(found)\n"), "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("    → \(remedy)\n"), "\(outcome.output)")
        let free = try Launch.ranks(starter.unbound + ["-np", "1", program, "doctor"])
        #expect(!free.output.contains(" granted "), "\(free.output)")
        try Places.temporary { directory in
            let logps = [program, "logps", "--output", directory.appending("logps").string] + golden
            let warned = try Launch.ranks(starter.bound + ["-np", "1"] + logps)
            #expect(warned.status == 0, "\(warned.errors)")
            #expect(warned.errors.hasPrefix("warning: \(found); \(remedy)"), "\(warned.errors)")
        }
    }

    @Test(
        "ranks whose OpenBLAS runs different kernels are named",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func differentKernels() throws {
        try Places.temporary { directory in
            let logps = [program, "logps", "--threads", "1", "--output", directory.appending("logps").string] + golden
            let starter = RankStarter.own
            let ranks = ["Prescott", "Nehalem"].map { kernels in
                starter.variable("OPENBLAS_CORETYPE", kernels) + ["-np", "1"] + logps
            }
            let outcome = try Launch.ranks(starter.unbound + ranks.joined(separator: [":"]))
            let warning = "warning: OpenBLAS uses kernels for Prescott on rank 0, for Nehalem on rank 1: speed and "
            #expect(outcome.errors.contains(warning), "\(outcome.errors)")
        }
    }
}
