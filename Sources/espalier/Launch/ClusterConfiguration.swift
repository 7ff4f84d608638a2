internal import Collectives
internal import Formats

/// How ranks are started on a cluster: the contents of a file such as those in `cluster-configs`.
struct ClusterConfiguration: Decodable {
    /// The program that starts the ranks: that of the MPI library, or Slurm's.
    enum Launcher: String, CaseIterable { case mpirun, srun }
    /// The unit that `ranks` counts the ranks of.
    enum Share: String, CaseIterable { case domain, host }
    /// The objects that ranks are bound to.
    enum Binding: String, CaseIterable {
        case core
        case nothing = "none"
    }
    /// The transport of messages between hosts.
    enum Transport: String, CaseIterable { case tcp, ucx }

    var launcher = Launcher.mpirun
    /// The MPI library that the program on the hosts is built with.
    var mpi = MPILibrary.built
    /// Host names; empty for the hosts of a batch system, or for this host without one.
    var hosts: [String] = []
    /// A host file for mpirun, relative to the cluster file's directory; nil for none.
    var hostfile: String?
    /// NUMA domains of a host, 1 to 64; nil for those of this host, in which case `coresPerDomain` is nil too.
    var numaDomains: Int?
    /// Cores of a domain, 1 to 1024, without hyperthreads; nil for those of this host.
    var coresPerDomain: Int?
    /// Whether `ranks` counts the ranks of a NUMA domain or of a host.
    var ranksPer = Share.domain
    /// Ranks per domain or host, 1 to 1024.
    var ranks = 1
    /// Threads per rank, 1 to 1024; nil for its share of the cores.
    var threads: Int?
    var bindTo = Binding.core
    /// Comma-separated addresses or interfaces of the network, with MPICH one interface; nil for the library's choice.
    var network: String?
    /// The transport that Open MPI uses, TCP if it is nil; always nil with MPICH, which is built for one.
    var transport: Transport?
    /// Further settings of Open MPI, by name; none with MPICH, whose settings are environment variables.
    var mca: [String: String] = [:]
    /// Environment variables for every rank.
    var environment: [String: String] = [:]
    /// Further arguments for mpirun or srun.
    var options: [String] = []
    /// The path of `espalier` on every host; nil for the path of this process.
    var program: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case launcher, mpi, hosts, hostfile, ranks, threads, network, transport, mca, environment, options, program
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
        try values.choose(.mpi, into: &mpi)
        try values.read(.hosts, into: &hosts)
        hostfile = try values.decodeIfPresent(String.self, forKey: .hostfile)
        numaDomains = try values.decodeIfPresent(Int.self, forKey: .numaDomains)
        coresPerDomain = try values.decodeIfPresent(Int.self, forKey: .coresPerDomain)
        try values.choose(.ranksPer, into: &ranksPer)
        try values.read(.ranks, into: &ranks)
        threads = try values.decodeIfPresent(Int.self, forKey: .threads)
        try values.choose(.bindTo, into: &bindTo)
        network = try values.decodeIfPresent(String.self, forKey: .network)
        var chosen = Transport.tcp
        try values.choose(.transport, into: &chosen)
        transport = values.contains(.transport) ? chosen : nil
        try values.read(.mca, into: &mca)
        try values.read(.environment, into: &environment)
        try values.read(.options, into: &options)
        program = try values.decodeIfPresent(String.self, forKey: .program)
    }
}
