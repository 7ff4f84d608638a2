internal import Formats
internal import SystemPackage

/// Makes the command that starts the ranks.
struct RankLauncher {
    private let configuration: ClusterConfiguration
    private let layout: RankLayout
    /// The variables of this process, which tell of a batch system.
    private let variables: [String: String]
    private let path: FilePath
    /// Hosts that are left out.
    private let absent: [String]

    /// A launcher by the file `path`, on hosts like the one under `root` as far as the file does not describe them, without
    /// those that are `absent`.
    ///
    /// - Throws: `FormatError` for the first key or value at fault.
    init(_ path: FilePath, root: FilePath, variables: [String: String], absent: [String] = []) throws {
        self.absent = absent
        configuration = try ClusterConfiguration(yaml: path)
        layout = try RankLayout(configuration, from: path, root: root)
        self.variables = variables
        self.path = path
    }

    /// A launcher on this host alone, for at most `ranks` ranks.
    ///
    /// - Parameter threads: Of a rank; nil for its share of the cores where there are as many ranks as there may be, and at
    ///   least 1.
    init(ranks: Int, threads: Int?, root: FilePath) throws {
        var configuration = ClusterConfiguration()
        (configuration.hosts, configuration.ranksPer, configuration.ranks) = (["localhost"], .host, ranks)
        configuration.bindTo = .nothing
        configuration.threads = try threads ?? max(1, HostTopology(root: root).cores / ranks)
        path = root
        layout = try RankLayout(configuration, from: path, root: root)
        (self.configuration, variables, absent) = (configuration, [:], [])
    }

    /// The command that runs `espalier`, which lies at `program` where the file has no path, with `arguments` on every
    /// rank.
    ///
    /// - Parameter ranks: How many of the ranks to start, the first; nil for all.
    /// - Throws: `FormatError` for hosts that are missing or have too few slots.
    func command(program: String, arguments: [String], isRoot: Bool, ranks: Int? = nil) throws -> ShellCommand {
        let run = [configuration.program ?? program] + arguments + ["--threads", "\(layout.threads)"]
        switch configuration.launcher {
        case .mpirun: return try mpirun(run, isRoot: isRoot, ranks: ranks)
        case .srun: return try srun(run, ranks: ranks)
        }
    }

    /// Ranks that all hosts have room for; nil where Slurm alone knows the hosts.
    var capacity: Int? {
        get throws {
            if case .slurm = source { return nil }
            return try hosts().count * layout.ranksPerHost
        }
    }

    /// The names of the hosts.
    ///
    /// - Throws: `FormatError` where Slurm alone knows them.
    func hosts() throws -> [String] {
        switch source {
        case .list(let names): return try present(names)
        case .file(let file): return try present(HostFile(file).names)
        case .slurm:
            let remedy = "scontrol show hostnames lists them"
            throw FormatError(path, "hosts: expected here or in a hostfile, found Slurm's allocation; \(remedy)")
        }
    }

    // MARK: Hosts

    /// Where the names of hosts come from.
    private enum HostSource {
        case list([String])
        case file(FilePath)
        case slurm
    }

    /// The file first, then the batch system around this process, then this host.
    private var source: HostSource {
        if !configuration.hosts.isEmpty { return .list(configuration.hosts) }
        // Kubernetes' MPI operator names a file in Open MPI's own variable.
        let files = [configuration.hostfile, variables["PBS_NODEFILE"], variables["OMPI_MCA_orte_default_hostfile"]]
        if let file = files.compactMap({ $0 }).first { return .file(FilePath(file)) }
        return variables["SLURM_JOB_ID"] == nil ? .list(["localhost"]) : .slurm
    }

    private func hostOptions() throws -> [String] {
        switch source {
        case .list: return try hostList()
        case .file(let file):
            try HostFile(file).requireSlots(layout.ranksPerHost)
            return absent.isEmpty ? ["--hostfile", file.string] : try hostList()
        case .slurm: return absent.isEmpty ? [] : try hostList()
        }
    }

    private func hostList() throws -> [String] {
        // With the slots, since mpirun counts cores otherwise, of which a virtual machine may show half.
        ["--host", try hosts().map { "\($0):\(layout.ranksPerHost)" }.joined(separator: ",")]
    }

    /// The hosts that take part.
    private func present(_ names: [String]) throws -> [String] {
        if let unknown = absent.first(where: { !names.contains($0) }) {
            throw FormatError(path, "--without: expected one of \(names.joined(separator: ", ")), found \(unknown)")
        }
        let present = names.filter { !absent.contains($0) }
        guard !present.isEmpty else { throw FormatError(path, "--without: expected a host to be left, found none") }
        return present
    }

    // MARK: mpirun

    private func mpirun(_ run: [String], isRoot: Bool, ranks: Int?) throws -> ShellCommand {
        // In an allocation mpirun starts its daemons by srun, which would bind each of them to part of its host.
        let isInSlurm = variables["SLURM_JOB_ID"] != nil
        let start = (isInSlurm ? ["env", "SLURM_CPU_BIND=none"] : []) + ["mpirun"]
        var groups: [[String]] = [start + (isRoot ? ["--allow-run-as-root"] : [])]
        groups.append(try hostOptions())
        groups.append((ranks.map { ["-np", "\($0)"] } ?? []) + placement)
        groups.append(try daemonSettings())
        // The daemons' own connections, which stay on TCP with UCX too.
        if let network = configuration.network { groups.append(["--mca", "oob_tcp_if_include", network]) }
        groups += parameters.map { ["--mca", $0.name, $0.value] }
        groups += sorted(configuration.environment).map { ["-x", "\($0.name)=\($0.value)"] }
        groups.append(configuration.options)
        groups.append(run)
        return ShellCommand(groups: groups.filter { !$0.isEmpty })
    }

    /// How the daemons of other hosts tell that one has gone: after 20 s, where Open MPI itself takes 8 minutes.
    ///
    /// Then mpirun, and a daemon that has lost mpirun, end the ranks of their host, which takes some seconds: all is over
    /// within 30 s. A job survives shorter interruptions, as of a switch that starts again.
    private func daemonSettings() throws -> [String] {
        if case .list(["localhost"]) = source { return [] }
        // Seconds of silence before it is asked, between two questions, and how many go unanswered.
        let settings = [("time", 8), ("intvl", 3), ("probes", 4)].map { ("oob_tcp_keepalive_\($0)", $1) }
        return settings.filter { configuration.mca[$0.0] == nil }.flatMap { ["--mca", $0.0, "\($0.1)"] }
    }

    private var placement: [String] {
        let object = configuration.ranksPer == .domain ? "numa" : "node"
        let ranks = "ppr:\(configuration.ranks):\(object)"
        switch configuration.bindTo {
        case .core: return ["--map-by", "\(ranks):pe=\(layout.threads)", "--bind-to", "core"]
        case .nothing: return ["--map-by", ranks, "--bind-to", "none"]
        }
    }

    // MARK: srun

    private func srun(_ run: [String], ranks wanted: Int?) throws -> ShellCommand {
        guard let granted = variables["SLURM_JOB_NUM_NODES"].flatMap({ Int($0) }), (1...1 << 20).contains(granted)
        else {
            let remedy = "start it in a job of sbatch or salloc"
            throw FormatError(path, "launcher: expected a Slurm allocation for srun, found none; \(remedy)")
        }
        // srun has no options for Open MPI, which takes its settings from variables too.
        var start = ["env"]
        start += parameters.map { "OMPI_MCA_\($0.name)=\($0.value)" }
        start += sorted(configuration.environment).map { "\($0.name)=\($0.value)" }
        let ranks = layout.ranksPerHost
        let count = wanted ?? granted * ranks
        let nodes = (count + ranks - 1) / ranks
        let tasks = ["--nodes=\(nodes)", "--ntasks=\(count)", "--ntasks-per-node=\(ranks)"]
        let binding = configuration.bindTo == .core ? "--hint=nomultithread" : "--cpu-bind=none"
        let groups: [[String]] = [
            start,
            ["srun", "--mpi=pmix"] + tasks,
            ["--cpus-per-task=\(layout.threads)", binding],
            configuration.options,
            run,
        ]
        return ShellCommand(groups: groups.filter { !$0.isEmpty })
    }

    // MARK: Open MPI's settings

    private typealias Setting = (name: String, value: String)

    /// The settings of the ranks; what decides between TCP and UCX is always said, since distributions differ in it.
    private var parameters: [Setting] {
        var settings: [Setting] = []
        switch configuration.transport {
        case .tcp:
            if let network = configuration.network { settings.append((name: "btl_tcp_if_include", value: network)) }
            settings.append((name: "pml", value: "ob1"))
            settings.append((name: "btl", value: "self,vader,tcp"))
        case .ucx: settings.append((name: "pml", value: "ucx"))
        }
        return settings + sorted(configuration.mca)
    }

    /// Pairs by name, so that a file always gives the same command.
    private func sorted(_ pairs: [String: String]) -> [Setting] {
        pairs.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }
}
