internal import Foundation
internal import Glibc

/// The kernel's description of processors and processes, in the files of `/proc` and `/sys` under a directory.
package struct KernelFiles {
    private let root: String

    /// The files under `root`.
    package init(root: String = "/") {
        self.root = root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    /// The processors that affinity and control groups allow this process; all online ones if the kernel does not say.
    package var allowedProcessors: Set<Int> {
        allowedProcessors(of: "self") ?? numbers(in: "/sys/devices/system/cpu/online") ?? []
    }

    /// The processors that affinity and control groups allow a process; nil if it cannot be read.
    func allowedProcessors(of process: String) -> Set<Int>? {
        let name = "Cpus_allowed_list:"
        let line = lines(of: "/proc/\(process)/status").first { $0.hasPrefix(name) }
        return line.flatMap { numbers($0.dropFirst(name.count)) }
    }

    /// The processors of each NUMA domain; nil for a kernel without NUMA support.
    package var domains: [Set<Int>]? {
        let directory = "/sys/devices/system/node"
        return numbers(in: "\(directory)/online").map { nodes in
            nodes.sorted().map { numbers(in: "\(directory)/node\($0)/cpulist") ?? [] }
        }
    }

    /// The lowest processor of the core of `processor`.
    package func core(of processor: Int) -> Int { siblings(of: processor)?.min() ?? processor }

    /// The processors of the core with the most of them, 1 without hyperthreads.
    package var processorsPerCore: Int { allowedProcessors.map { siblings(of: $0)?.count ?? 1 }.max() ?? 1 }

    /// The processors per core among those that this process may run on, at least 1: 1 if it may use one hyperthread of each.
    package var allowedPerCore: Double {
        let allowed = allowedProcessors
        return Double(allowed.count) / Double(max(1, Set(allowed.map { core(of: $0) }).count))
    }

    private func siblings(of processor: Int) -> Set<Int>? {
        numbers(in: "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")
    }

    /// The numbers of a list such as `0-3,8` in a file; nil without one.
    private func numbers(in file: String) -> Set<Int>? {
        lines(of: file).first.flatMap { numbers($0) }
    }

    private func numbers(_ list: some StringProtocol) -> Set<Int>? {
        var numbers: Set<Int> = []
        for part in list.trimmingCharacters(in: .whitespaces).split(separator: ",") {
            let bounds = part.split(separator: "-").map { Int($0) ?? -1 }
            guard let first = bounds.first, let last = bounds.last, 0 <= first, first <= last else { return nil }
            numbers.formUnion(first...last)
        }
        return numbers.isEmpty ? nil : numbers
    }

    /// The lines of a file; empty if it cannot be read.
    func lines(of file: String) -> [String] {
        guard let text = try? String(contentsOfFile: root + file, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").map { String($0) }
    }

    /// The device and the inode of a directory; nil if there is none.
    func group(of directory: String) -> ProcessorQuota.Group? {
        var status = stat()
        guard stat(root + directory, &status) == 0 else { return nil }
        return ProcessorQuota.Group(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}
