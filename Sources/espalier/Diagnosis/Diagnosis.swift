internal import Collectives
internal import Foundation
internal import Reporting
internal import Training

/// Checks the conditions for a rank to run, and to run fast.
struct Diagnosis {
    let communicator: any Communicator
    /// Threads of this rank.
    let threads: Int
    /// How the ranks of this host use its processors.
    let use: ProcessorUse
    let environment = ProcessInfo.processInfo.environment

    /// A diagnosis of this rank with `threads` threads.
    init(_ communicator: any Communicator, threads: Int, use: ProcessorUse) {
        (self.communicator, self.threads, self.use) = (communicator, threads, use)
    }

    /// The results of all checks.
    var findings: [Finding] {
        let fixed = [transport, sharedMemory, hugePages, memory]
        let optional = [quota, grant].compactMap { $0 }
        return [version, processor, kernels] + variables + [mpi, binding] + optional + fixed
    }

    private var version: Finding {
        let software = Software.current
        return Finding("version", .sound, "\(software.name), \(software.blas), \(software.mpi)")
    }

    var localRanks: Int { communicator.hostShare.ranks }

    // MARK: Ranks

    private var mpi: Finding {
        guard let support = World.threadSupport else {
            let launchers = MPILibrary.built.launchers
            let several = "for several, \(World.libraryVersion) needs \(launchers)"
            return Finding("mpi", .sound, "one process, not started by mpirun; \(several)")
        }
        let ranks = counted(communicator.size, "rank")
        let starter = World.starter.map { " of \($0)" } ?? ""
        return Finding("mpi", .sound, "\(World.libraryVersion), \(ranks)\(starter), thread support: \(support)")
    }

    private var transport: Finding {
        guard MPILibrary.built == .openMPI else {
            let found = localRanks == 1 ? "no other rank on this host" : "as MPICH chooses on this host"
            return Finding("transport", .sound, found)
        }
        let variable = "OMPI_MCA_btl_vader_single_copy_mechanism"
        let filtered = lines(of: "/proc/self/status").contains { $0.hasPrefix("Seccomp:") && $0.hasSuffix("2") }
        let scope = lines(of: "/proc/sys/kernel/yama/ptrace_scope").first.flatMap { Int($0) } ?? 0
        guard localRanks > 1, environment[variable] != "none", filtered || scope > 0 else {
            let isDirect = environment[variable] != "none"
            let how =
                isDirect ? "ranks of this host read each other's memory" : "ranks of this host copy through /dev/shm"
            let found = localRanks > 1 ? how : "no other rank on this host"
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
        // MPI allocates some megabytes per rank there; Open MPI dies with a bus error if it is full.
        let needed = 32 << 20 * localRanks
        let found = "\(free >> 20) MiB free"
        guard free < needed else { return Finding("/dev/shm", .sound, found, fluctuates: true) }
        return Finding(
            "/dev/shm",
            .fault,
            found + ", \(counted(localRanks, "rank")) need \(needed >> 20)",
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
