internal import Collectives
internal import Formats
internal import SystemPackage

/// Builds the command that starts the ranks.
struct RankLauncher {
    let configuration: ClusterConfiguration
    let layout: RankLayout
    /// The environment of this process, which shows whether it runs in a batch system.
    let variables: [String: String]
    private let path: FilePath
    /// Hosts that are excluded.
    let absent: [String]

    /// A launcher for the cluster file `path`, on hosts like the one under `root` unless the file describes them, without the
    /// `absent` hosts.
    ///
    /// - Throws: `FormatError` for the first invalid key or value.
    init(_ path: FilePath, root: FilePath, variables: [String: String], absent: [String] = []) throws {
        self.absent = absent
        configuration = try ClusterConfiguration(yaml: path)
        layout = try RankLayout(configuration, from: path, root: root)
        self.variables = variables
        self.path = path
    }

    /// A launcher on this host only, for at most `ranks` ranks.
    ///
    /// - Parameter threads: Threads per rank; nil for the share of the cores of one of `ranks` ranks, at least 1.
    init(ranks: Int, threads: Int?, root: FilePath) throws {
        var configuration = ClusterConfiguration()
        (configuration.hosts, configuration.ranksPer, configuration.ranks) = (["localhost"], .host, ranks)
        configuration.bindTo = .nothing
        configuration.threads = try threads ?? max(1, HostTopology(root: root).cores / ranks)
        path = root
        layout = try RankLayout(configuration, from: path, root: root)
        (self.configuration, variables, absent) = (configuration, [:], [])
    }

    /// The command that runs `espalier` with `arguments` on every rank.
    ///
    /// - Parameters:
    ///   - program: The path of `espalier`, unless the file sets one.
    ///   - ranks: The number of ranks to start; nil for all.
    /// - Throws: `FormatError` for hosts that are missing or have too few slots.
    func command(program: String, arguments: [String], isRoot: Bool, ranks: Int? = nil) throws -> ShellCommand {
        let run = [configuration.program ?? program] + arguments + ["--threads", "\(layout.threads)"]
        switch (configuration.launcher, configuration.mpi) {
        case (.mpirun, .openMPI): return try mpirun(run, isRoot: isRoot, ranks: ranks)
        case (.mpirun, .mpich): return try hydra(run, ranks: ranks)
        case (.srun, _): return try srun(run, ranks: ranks)
        }
    }

    /// The number of ranks on all hosts; nil if only Slurm knows the hosts.
    var capacity: Int? {
        get throws {
            if case .slurm = source { return nil }
            return try hosts().count * layout.ranksPerHost
        }
    }

    /// The names of the hosts.
    ///
    /// - Throws: `FormatError` if only Slurm knows them.
    func hosts() throws -> [String] {
        switch source {
        case .list(let names): return try present(names)
        case .file(let file): return try present(HostFile(file).names)
        case .slurm:
            let remedy = "scontrol show hostnames lists them"
            throw FormatError(path, "hosts: expected them here or in a host file, found a Slurm job; \(remedy)")
        }
    }

    /// The environment variables that the file sets for every rank.
    var environment: [String: String] { configuration.environment }

    /// Whether all ranks run on this host.
    var isLocal: Bool {
        if case .list(["localhost"]) = source { return true }
        return false
    }

    // MARK: Hosts

    /// The source of the host names.
    enum HostSource {
        case list([String])
        case file(FilePath)
        case slurm
    }

    /// The cluster file first, then the batch system of this process, then this host.
    var source: HostSource {
        if !configuration.hosts.isEmpty { return .list(configuration.hosts) }
        // Kubernetes' MPI operator passes a file in a variable of the launcher.
        let operators = configuration.mpi == .mpich ? "HYDRA_HOST_FILE" : "OMPI_MCA_orte_default_hostfile"
        let files = [configuration.hostfile, variables["PBS_NODEFILE"], variables[operators]]
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
        // With slots, since mpirun counts cores otherwise, of which a virtual machine may report half.
        ["--host", try hosts().map { "\($0):\(layout.ranksPerHost)" }.joined(separator: ",")]
    }

    /// The hosts without those that are excluded.
    private func present(_ names: [String]) throws -> [String] {
        if let unknown = absent.first(where: { !names.contains($0) }) {
            throw FormatError(path, "--without: expected one of \(names.joined(separator: ", ")), found \(unknown)")
        }
        let present = names.filter { !absent.contains($0) }
        guard !present.isEmpty else { throw FormatError(path, "--without: expected a remaining host, found none") }
        return present
    }

    // MARK: mpirun

    private func mpirun(_ run: [String], isRoot: Bool, ranks: Int?) throws -> ShellCommand {
        // In a Slurm job mpirun starts its daemons by srun, which would bind each of them to part of its host.
        let isInSlurm = variables["SLURM_JOB_ID"] != nil
        let start = (isInSlurm ? ["env", "SLURM_CPU_BIND=none"] : []) + ["mpirun"]
        var groups: [[String]] = [start + (isRoot ? ["--allow-run-as-root"] : [])]
        groups.append(try hostOptions())
        groups.append((ranks.map { ["-np", "\($0)"] } ?? []) + placement)
        groups.append(try daemonSettings())
        // The daemons' own connections, which use TCP even with UCX.
        if let network = configuration.network { groups.append(["--mca", "oob_tcp_if_include", network]) }
        groups += parameters.map { ["--mca", $0.name, $0.value] }
        groups += sorted(configuration.environment).map { ["-x", "\($0.name)=\($0.value)"] }
        groups.append(configuration.options)
        groups.append(run)
        return ShellCommand(groups: groups.filter { !$0.isEmpty })
    }

    /// The keep-alive of the daemons, which detects a lost host after 20 s instead of Open MPI's 8 minutes.
    ///
    /// Then mpirun, and each daemon that has lost mpirun, end the ranks of their host within seconds, and the job within 30 s.
    /// A job survives shorter interruptions, such as the restart of a switch.
    private func daemonSettings() throws -> [String] {
        if isLocal { return [] }
        // Seconds of silence before the first probe, seconds between probes, and the number of unanswered probes.
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
        let granted = try slurmNodes(for: "srun")
        // srun has no options for MPI, which also reads its settings from the environment.
        var start = ["env"]
        if configuration.mpi == .openMPI { start += parameters.map { "OMPI_MCA_\($0.name)=\($0.value)" } }
        let settings = configuration.mpi == .mpich ? hydraVariables : sorted(configuration.environment)
        start += settings.map { "\($0.name)=\($0.value)" }
        let ranks = layout.ranksPerHost
        let count = wanted ?? granted * ranks
        let nodes = (count + ranks - 1) / ranks
        let tasks = ["--nodes=\(nodes)", "--ntasks=\(count)", "--ntasks-per-node=\(ranks)"]
        let binding = configuration.bindTo == .core ? "--hint=nomultithread" : "--cpu-bind=none"
        let groups: [[String]] = [
            start.count > 1 ? start : [],
            ["srun", configuration.mpi == .mpich ? "--mpi=pmi2" : "--mpi=pmix"] + tasks,
            ["--cpus-per-task=\(layout.threads)", binding],
            configuration.options,
            run,
        ]
        return ShellCommand(groups: groups.filter { !$0.isEmpty })
    }

    /// The number of nodes of the Slurm job.
    ///
    /// - Throws: `FormatError` outside of a job.
    func slurmNodes(for launcher: String) throws -> Int {
        guard let granted = variables["SLURM_JOB_NUM_NODES"].flatMap({ Int($0) }), (1...1 << 20).contains(granted)
        else {
            let remedy = "run it in a job of sbatch or salloc"
            throw FormatError(path, "launcher: expected a Slurm allocation for \(launcher), found none; \(remedy)")
        }
        return granted
    }

    // MARK: Settings

    typealias Setting = (name: String, value: String)

    /// Open MPI's settings of the ranks; the choice between TCP and UCX is always explicit, since defaults differ between
    /// distributions.
    private var parameters: [Setting] {
        var settings: [Setting] = []
        switch configuration.transport ?? .tcp {
        case .tcp:
            if let network = configuration.network { settings.append((name: "btl_tcp_if_include", value: network)) }
            settings.append((name: "pml", value: "ob1"))
            settings.append((name: "btl", value: "self,vader,tcp"))
        case .ucx: settings.append((name: "pml", value: "ucx"))
        }
        return settings + sorted(configuration.mca)
    }

    /// The pairs sorted by name, so that the command is deterministic.
    func sorted(_ pairs: [String: String]) -> [Setting] {
        pairs.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }
}
