internal import Formats
internal import Foundation
internal import SystemPackage

/// The cores of one host on which a process may run.
struct HostTopology {
    /// Cores of each NUMA domain with at least one; the hyperthreads of a core count once.
    let coresByDomain: [Int]
    /// The CPU quota of the control groups, in processors; nil for no limit.
    let quota: Double?

    /// A host with `domains` identical domains.
    init(domains: Int, coresPerDomain: Int) {
        coresByDomain = Array(repeating: coresPerDomain, count: domains)
        quota = nil
    }

    /// The host whose `/sys` and `/proc` are under `root`, limited to what this process may use.
    ///
    /// - Throws: `FormatError` if no processor is found.
    init(root: FilePath) throws {
        let kernel = KernelFiles(root: root)
        let allowed = kernel.allowedProcessors
        let domains = kernel.domains ?? [allowed]
        coresByDomain = domains.map { domain in
            Set(allowed.intersection(domain).map { kernel.core(of: $0) }).count
        }
        .filter { $0 > 0 }
        quota = kernel.quota
        guard !coresByDomain.isEmpty else {
            throw FormatError(
                root.appending("sys/devices/system/cpu"),
                "expected processors, found none that this process may run on; set numa_domains and cores_per_domain"
            )
        }
    }

    /// Cores of the host, limited by the quota; at least 1.
    var cores: Int { limited(coresByDomain.reduce(0, +)) }

    /// Cores of the smallest domain, limited by its share of the quota; at least 1.
    var coresOfSmallestDomain: Int {
        min(coresByDomain.min() ?? 1, max(1, cores / coresByDomain.count))
    }

    private func limited(_ count: Int) -> Int {
        guard let quota, quota < Double(count) else { return count }
        return max(1, Int(quota))
    }
}

/// The kernel's description of the processors, in files under `root`.
private struct KernelFiles {
    let root: FilePath

    /// The processors that affinity and control groups allow this process; all online ones if the kernel does not say.
    var allowedProcessors: Set<Int> {
        let name = "Cpus_allowed_list:"
        let line = lines(of: "proc/self/status").first { $0.hasPrefix(name) }
        return line.flatMap { numbers($0.dropFirst(name.count)) } ?? numbers(in: "sys/devices/system/cpu/online") ?? []
    }

    /// The processors of each NUMA domain; nil for a kernel without NUMA support.
    var domains: [Set<Int>]? {
        let directory = "sys/devices/system/node"
        return numbers(in: "\(directory)/online").map { nodes in
            nodes.sorted().map { numbers(in: "\(directory)/node\($0)/cpulist") ?? [] }
        }
    }

    /// The lowest processor of the core of `processor`.
    func core(of processor: Int) -> Int {
        numbers(in: "sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")?.min() ?? processor
    }

    /// The lowest quota of this process's control group and those above it, of either version, in processors.
    var quota: Double? {
        var quotas: [Double] = []
        for line in lines(of: "proc/self/cgroup") {
            // `number:controllers:path`; version 2 names no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map { String($0) }
            guard fields.count == 3 else { continue }
            let (controllers, path) = (fields[1], fields[2].split(separator: "/").map { String($0) })
            guard controllers.isEmpty || controllers.split(separator: ",").contains("cpu") else { continue }
            for count in 0...path.count {
                let hierarchy = controllers.isEmpty ? [] : [controllers]
                let directory = (["sys/fs/cgroup"] + hierarchy + Array(path.prefix(count))).joined(separator: "/")
                let quota = controllers.isEmpty ? quotaOfVersion2(directory) : quotaOfVersion1(directory)
                if let quota { quotas.append(quota) }
            }
        }
        return quotas.min()
    }

    private func quotaOfVersion2(_ directory: String) -> Double? {
        let words = lines(of: "\(directory)/cpu.max").first?.split(separator: " ").map { String($0) } ?? []
        guard words.count == 2 else { return nil }
        return ratio(words[0], words[1])
    }

    private func quotaOfVersion1(_ directory: String) -> Double? {
        let quota = lines(of: "\(directory)/cpu.cfs_quota_us").first
        let period = lines(of: "\(directory)/cpu.cfs_period_us").first
        guard let quota, let period else { return nil }
        return ratio(quota, period)
    }

    /// Quota divided by period, both in microseconds; nil for `max` and -1, which mean no limit.
    private func ratio(_ quota: String, _ period: String) -> Double? {
        guard let quota = Int(quota), let period = Int(period), quota > 0, period > 0 else { return nil }
        return Double(quota) / Double(period)
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

    private func lines(of file: String) -> [String] {
        guard let text = try? String(contentsOfFile: root.appending(file).string, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").map { String($0) }
    }
}
