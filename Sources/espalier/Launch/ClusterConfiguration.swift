internal import Formats

/// How ranks are started on a cluster, as a file of `cluster-configs` says it.
struct ClusterConfiguration: Decodable {
    /// The program that starts the ranks.
    enum Launcher: String, CaseIterable { case mpirun, srun }
    /// What `ranks` are counted by.
    enum Share: String, CaseIterable { case domain, host }
    /// What a rank is bound to.
    enum Binding: String, CaseIterable {
        case core
        case nothing = "none"
    }
    /// What carries messages between hosts.
    enum Transport: String, CaseIterable { case tcp, ucx }

    var launcher = Launcher.mpirun
    /// Host names; empty for what a batch system grants, and without one for this host.
    var hosts: [String] = []
    /// A file of hosts for mpirun, from the directory of this one; nil for none.
    var hostfile: String?
    /// NUMA domains of a host, 1 to 64; nil for those of this host, and then `coresPerDomain` is nil too.
    var numaDomains: Int?
    /// Cores of a domain, 1 to 1024, hyperthreads not counted; nil for those of this host.
    var coresPerDomain: Int?
    /// Whether `ranks` are those of a NUMA domain or of a host.
    var ranksPer = Share.domain
    /// Ranks of a domain or host, 1 to 1024.
    var ranks = 1
    /// Threads of a rank, 1 to 1024; nil for its share of the cores.
    var threads: Int?
    var bindTo = Binding.core
    /// Addresses or interfaces of the network, with commas between them; nil for whatever Open MPI finds.
    var network: String?
    var transport = Transport.tcp
    /// Further settings of Open MPI, by name.
    var mca: [String: String] = [:]
    /// Variables that every rank gets.
    var environment: [String: String] = [:]
    /// Further words for mpirun or srun.
    var options: [String] = []
    /// The path of `espalier` on every host; nil for that of the process.
    var program: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case launcher, hosts, hostfile, ranks, threads, network, transport, mca, environment, options, program
        case numaDomains = "numa_domains"
        case coresPerDomain = "cores_per_domain"
        case ranksPer = "ranks_per"
        case bindTo = "bind_to"
    }

    /// The defaults.
    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.choose(.launcher, into: &launcher)
        try values.read(.hosts, into: &hosts)
        hostfile = try values.decodeIfPresent(String.self, forKey: .hostfile)
        numaDomains = try values.decodeIfPresent(Int.self, forKey: .numaDomains)
        coresPerDomain = try values.decodeIfPresent(Int.self, forKey: .coresPerDomain)
        try values.choose(.ranksPer, into: &ranksPer)
        try values.read(.ranks, into: &ranks)
        threads = try values.decodeIfPresent(Int.self, forKey: .threads)
        try values.choose(.bindTo, into: &bindTo)
        network = try values.decodeIfPresent(String.self, forKey: .network)
        try values.choose(.transport, into: &transport)
        try values.read(.mca, into: &mca)
        try values.read(.environment, into: &environment)
        try values.read(.options, into: &options)
        program = try values.decodeIfPresent(String.self, forKey: .program)
    }
}
