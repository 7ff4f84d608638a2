internal import Formats
internal import SystemPackage

/// The number of ranks per host and of threads per rank.
struct RankLayout {
    /// Ranks per host: the slots that mpirun needs there.
    let ranksPerHost: Int
    /// Threads per rank, which is also the number of cores that it is bound to.
    let threads: Int

    /// The layout on hosts that the file `path` describes, or on hosts like the one under `root` if it describes none.
    ///
    /// Without a number of threads in the file, a rank gets its share of the cores. `root` is read only if the file does not
    /// describe a host.
    ///
    /// - Throws: `FormatError` if a rank would have no core, or more threads than cores.
    init(_ configuration: ClusterConfiguration, from path: FilePath, root: FilePath) throws {
        let ranks = configuration.ranks
        let topology: HostTopology
        var isOwn = true
        if let domains = configuration.numaDomains, let cores = configuration.coresPerDomain {
            topology = HostTopology(domains: domains, coresPerDomain: cores)
            isOwn = false
        } else {
            topology = try HostTopology(root: root)
        }
        let isByDomain = configuration.ranksPer == .domain
        let cores = isByDomain ? topology.coresOfSmallestDomain : topology.cores
        ranksPerHost = ranks * (isByDomain ? topology.coresByDomain.count : 1)
        threads = configuration.threads ?? cores / ranks
        // Threads that the file sets may be for hosts that differ from this one, which it does not describe.
        if isOwn, configuration.threads != nil { return }
        guard threads > 0, ranks * threads <= cores else {
            let expected = "at most \(cores) threads per \(isByDomain ? "domain" : "host"), the number of its cores"
            let found = "\(ranks) × \(max(1, threads))"
            throw FormatError(path, "ranks: expected \(expected), found \(found)")
        }
    }
}
