internal import Collectives
internal import Formats
internal import SystemPackage

/// The number of ranks per host and of threads per rank.
struct RankLayout {
    /// Ranks per host: the slots that mpirun needs there.
    let ranksPerHost: Int
    /// Threads per rank, which is also the number of cores that it is bound to.
    let threads: Int
    /// The host that the numbers follow from; nil if the file describes the hosts.
    let host: HostTopology?
    /// Whether the file sets the number of threads.
    let hasChosenThreads: Bool

    /// The layout on hosts that the file `path` describes, or on hosts like the one under `root` if it describes none.
    ///
    /// Without a number of threads in the file, a rank gets its share of the cores. `root` is read only if the file does not
    /// describe a host.
    ///
    /// - Throws: `FormatError` if a rank would have no core, or more threads than cores.
    init(_ configuration: ClusterConfiguration, from path: FilePath, root: FilePath) throws {
        let ranks = configuration.ranks
        let topology: HostTopology
        if let domains = configuration.numaDomains, let cores = configuration.coresPerDomain {
            topology = HostTopology(domains: domains, coresPerDomain: cores)
            host = nil
        } else {
            topology = try HostTopology(root: root)
            host = topology
        }
        hasChosenThreads = configuration.threads != nil
        let isByDomain = configuration.ranksPer == .domain
        let cores = isByDomain ? topology.coresOfSmallestDomain : topology.cores
        ranksPerHost = ranks * (isByDomain ? topology.coresByDomain.count : 1)
        threads = configuration.threads ?? cores / ranks
        // Threads that the file sets may be for hosts that differ from this one, which it does not describe.
        if host != nil, hasChosenThreads { return }
        guard threads > 0, ranks * threads <= cores else {
            let limit = topology.isLimited ? ", limited by \(topology.quota?.file ?? "a quota")" : ""
            let expected =
                "at most \(cores) threads per \(isByDomain ? "domain" : "host"), the number of its cores\(limit)"
            let found = "\(ranks) × \(max(1, threads))"
            throw FormatError(path, "ranks: expected \(expected), found \(found)")
        }
    }
}
