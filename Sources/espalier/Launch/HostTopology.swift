internal import Collectives
internal import Formats
internal import SystemPackage

/// The cores of one host on which a process may run.
struct HostTopology {
    /// Cores of each NUMA domain with at least one; the hyperthreads of a core count once.
    let coresByDomain: [Int]
    /// The lowest CPU quota of the control groups; nil for no limit.
    let quota: ProcessorQuota?
    /// Processors of a core, at least 1; 2 with hyperthreads.
    let processorsPerCore: Int

    /// A host with `domains` identical domains.
    init(domains: Int, coresPerDomain: Int) {
        coresByDomain = Array(repeating: coresPerDomain, count: domains)
        (quota, processorsPerCore) = (nil, 1)
    }

    /// The host whose `/sys` and `/proc` are under `root`, limited to what this process may use.
    ///
    /// - Throws: `FormatError` if no processor is found.
    init(root: FilePath) throws {
        let kernel = KernelFiles(root: root.string)
        let allowed = kernel.allowedProcessors
        let domains = kernel.domains ?? [allowed]
        coresByDomain = domains.map { domain in
            Set(allowed.intersection(domain).map { kernel.core(of: $0) }).count
        }
        .filter { $0 > 0 }
        processorsPerCore = kernel.processorsPerCore
        quota = ControlGroups(root: root.string).quotas.min { $0.processors < $1.processors }
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

    /// Whether a quota grants less than the time of all cores.
    var isLimited: Bool { cores < coresByDomain.reduce(0, +) }

    private func limited(_ count: Int) -> Int {
        guard let quota, quota.processors < Double(count) else { return count }
        return max(1, Int(quota.processors))
    }
}
