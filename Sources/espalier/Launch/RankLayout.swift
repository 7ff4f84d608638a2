internal import Formats
internal import SystemPackage

/// How many ranks each host has, and how many threads a rank.
struct RankLayout {
    /// Ranks of a host: the slots that mpirun needs there.
    let ranksPerHost: Int
    /// Threads of a rank, and the cores that it is bound to.
    let threads: Int

    /// The layout on hosts as the file `path` describes them, or else on hosts like the one under `root`.
    ///
    /// A rank gets its share of the cores where the file does not say how many threads. `root` is not read where the
    /// file describes a host.
    ///
    /// - Throws: `FormatError` where a rank would have no core, or more threads than the file gives it cores.
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
        // Threads that the file names may suit hosts unlike this one, of which it does not speak.
        if isOwn, configuration.threads != nil { return }
        guard threads > 0, ranks * threads <= cores else {
            let expected = "at most \(cores) threads a \(isByDomain ? "domain" : "host"), as it has cores"
            let found = "\(ranks) × \(max(1, threads))"
            throw FormatError(path, "ranks: expected \(expected), found \(found)")
        }
    }
}
