internal import Collectives
internal import Compute
internal import Foundation
internal import Reporting

/// The result of one check.
struct Finding {
    enum Verdict: String {
        case sound = "✓"
        /// Works at less than full speed.
        case warning = "!"
        /// Fails, or runs several times slower than possible.
        case fault = "✗"
    }

    let subject: String
    let verdict: Verdict
    let found: String
    /// What to change; nil if nothing needs to change.
    let remedy: String?
    /// Whether `found` is an amount that other programs change at any moment.
    let fluctuates: Bool

    init(_ subject: String, _ verdict: Verdict, _ found: String, fluctuates: Bool = false, remedy: String? = nil) {
        self.subject = subject
        self.verdict = verdict
        self.found = found
        self.remedy = remedy
        self.fluctuates = fluctuates
    }

    var text: String {
        let gap = String(repeating: " ", count: max(1, 14 - subject.count))
        let line = "\(verdict.rawValue) \(subject)\(gap)\(found)"
        return remedy.map { line + "\n    → \($0)" } ?? line
    }

    /// Everything but amounts that fluctuate, by which equal reports of ranks are merged.
    var gist: String {
        [verdict.rawValue, subject, fluctuates ? "" : found, remedy ?? ""].joined(separator: "\n")
    }
}

/// Checks the conditions for a rank to run, and to run fast.
struct Diagnosis {
    private let communicator: any Communicator
    private let threads: Int
    private let environment = ProcessInfo.processInfo.environment

    init(_ communicator: any Communicator, threads: Int) {
        self.communicator = communicator
        self.threads = threads
    }

    var findings: [Finding] {
        [processor, kernels, mpi, binding, transport, sharedMemory, hugePages, memory]
    }

    private var localRanks: Int { communicator.hostShare.ranks }

    // MARK: Computing

    private var processor: Finding {
        let count = ProcessInfo.processInfo.processorCount
        switch Processor.level {
        case .avx512: return Finding("processor", .sound, "AVX-512, \(count) processors")
        case .halvedAVX512: return Finding("processor", .sound, "AVX-512 in two halves, \(count) processors")
        case .avx2: return Finding("processor", .sound, "AVX2, \(count) processors")
        case .baseline, .other:
            return Finding(
                "processor",
                .warning,
                "no AVX2, \(count) processors",
                remedy: "matrix products run at a quarter of a newer processor's speed; in a virtual machine, expose "
                    + "the host's processor model"
            )
        }
    }

    private var kernels: Finding {
        let name = OpenBLASCore.name
        let found = "OpenBLAS uses those for \(name)"
        guard let core = OpenBLASCore.remedy(for: name, level: Processor.level) else {
            return Finding("kernels", .sound, found)
        }
        return Finding(
            "kernels",
            OpenBLASCore.isFallback(name) ? .fault : .warning,
            "\(found); those for \(core) are faster here",
            remedy: environment[OpenBLASCore.variable] == nil
                ? "start with \(OpenBLASCore.variable)=\(core)"
                : "unset \(OpenBLASCore.variable), or set it to \(core)"
        )
    }

    /// Compares the ranks' FLOP/s per thread, measured while all ranks compute.
    static func comparison(ofRatesPerThread rates: [Double]) -> Finding {
        let (slowest, fastest) = (rates.min() ?? 0, rates.max() ?? 0)
        let (low, high) = (rounded(slowest / 1e9, 0), rounded(fastest / 1e9, 0))
        let found = "matrix products at \(low == high ? low : "\(low) to \(high)") GFLOP/s per thread"
        guard slowest < 0.75 * fastest, let rank = rates.firstIndex(of: slowest) else {
            return Finding("rate", .sound, found)
        }
        return Finding(
            "rate",
            .warning,
            "\(found), the lowest on rank \(rank)",
            remedy: "every step waits for the slowest rank: stop other programs on its host, or exclude the host"
        )
    }

    // MARK: Ranks

    private var mpi: Finding {
        guard let support = World.threadSupport else {
            return Finding("mpi", .sound, "one process, not started by mpirun")
        }
        return Finding("mpi", .sound, "\(World.libraryVersion), \(communicator.size) ranks, threads: \(support)")
    }

    private var binding: Finding {
        let available = Processor.availableCount
        let all = ProcessInfo.processInfo.processorCount
        let found = "\(threads) threads on \(available) of \(all) processors, \(localRanks) ranks on this host"
        if threads > available {
            return Finding(
                "binding",
                .fault,
                found,
                remedy: "the threads of a rank would share processors: use mpirun --bind-to none, or "
                    + "--map-by ppr:1:numa:pe=\(threads) --bind-to core"
            )
        }
        let share = communicator.hostShare.processors
        guard threads > share else { return Finding("binding", .sound, found) }
        return Finding(
            "binding",
            .warning,
            found,
            remedy:
                "more threads than processors: start \(max(1, available / threads)) ranks here, or set --threads \(share)"
        )
    }

    private var transport: Finding {
        let variable = "OMPI_MCA_btl_vader_single_copy_mechanism"
        let filtered = lines(of: "/proc/self/status").contains { $0.hasPrefix("Seccomp:") && $0.hasSuffix("2") }
        let scope = lines(of: "/proc/sys/kernel/yama/ptrace_scope").first.flatMap { Int($0) } ?? 0
        guard localRanks > 1, environment[variable] != "none", filtered || scope > 0 else {
            let found = localRanks > 1 ? "ranks on this host copy directly" : "no other rank on this host"
            return Finding("transport", .sound, found)
        }
        return Finding(
            "transport",
            .warning,
            filtered ? "a seccomp filter, as in containers" : "ptrace_scope is \(scope)",
            remedy: "ranks may not read each other's memory; if Open MPI reports errors, set \(variable)=none"
        )
    }

    // MARK: Memory

    private var sharedMemory: Finding {
        guard let free = freeBytes("/dev/shm") else {
            return Finding("/dev/shm", .warning, "missing", remedy: "mount a tmpfs at /dev/shm")
        }
        // Open MPI allocates some megabytes per rank there, and dies with a bus error if it is full.
        let needed = 32 << 20 * localRanks
        let found = "\(free >> 20) MiB free"
        guard free < needed else { return Finding("/dev/shm", .sound, found, fluctuates: true) }
        return Finding(
            "/dev/shm",
            .fault,
            found + ", \(localRanks) ranks need \(needed >> 20)",
            fluctuates: true,
            remedy: "use docker run --shm-size=1g, or in Kubernetes an emptyDir with medium: Memory at /dev/shm"
        )
    }

    private var hugePages: Finding {
        let path = "/sys/kernel/mm/transparent_hugepage/enabled"
        let setting = lines(of: path).first ?? ""
        let chosen = setting.split(separator: "[").last?.split(separator: "]").first.map(String.init) ?? "unknown"
        guard chosen == "never" else { return Finding("huge pages", .sound, chosen) }
        return Finding("huge pages", .warning, chosen, remedy: "as root: echo madvise > \(path)")
    }

    private var memory: Finding {
        let line = lines(of: "/proc/meminfo").first { $0.hasPrefix("MemAvailable:") } ?? ""
        let kilobytes = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return Finding(
            "memory",
            .sound,
            "\(kilobytes >> 20) GiB available on this host; espalier plan prints the memory of a rank",
            fluctuates: true
        )
    }

    private func lines(of path: String) -> [String] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").map(String.init)
    }

    private func freeBytes(_ path: String) -> Int? {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
    }
}
