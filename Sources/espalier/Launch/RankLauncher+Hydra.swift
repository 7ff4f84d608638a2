internal import Collectives
internal import Formats
internal import Foundation

/// Commands for programs that are built with MPICH, or a library derived from it: its launcher is hydra's mpiexec.
extension RankLauncher {
    func hydra(_ run: [String], ranks: Int?) throws -> ShellCommand {
        // In a Slurm job hydra starts its proxies by srun, which would bind each of them to part of its host.
        let isInSlurm = variables["SLURM_JOB_ID"] != nil
        let start = (isInSlurm ? ["env", "SLURM_CPU_BIND=none"] : []) + [hydraProgram]
        var groups: [[String]] = [start, try hydraHosts(ranks: ranks), hydraBinding]
        if let network = configuration.network { groups.append(["-iface", network]) }
        groups += hydraVariables.map { ["-genv", $0.name, $0.value] }
        groups.append(configuration.options)
        groups.append(run)
        return ShellCommand(groups: groups.filter { !$0.isEmpty })
    }

    /// The variables of the ranks: those of the file, and of the libraries below MPICH the network, unless the file sets them.
    var hydraVariables: [Setting] {
        var variables = configuration.environment
        for name in ["FI_TCP_IFACE", "UCX_NET_DEVICES"] where variables[name] == nil {
            variables[name] = configuration.network
        }
        return sorted(variables)
    }

    /// Debian's name for hydra's mpiexec, which its `mpiexec` is not if Open MPI is installed too, or the name elsewhere.
    private var hydraProgram: String {
        let directories = (variables["PATH"] ?? "").split(separator: ":")
        let isDebian = directories.contains { FileManager.default.isExecutableFile(atPath: "\($0)/mpiexec.mpich") }
        return isDebian ? "mpiexec.mpich" : "mpiexec"
    }

    /// Hosts, and the number of ranks, without which hydra starts one.
    private func hydraHosts(ranks: Int?) throws -> [String] {
        let perHost = layout.ranksPerHost
        let names: [String]
        let count: Int
        switch source {
        case .slurm where absent.isEmpty:
            (names, count) = ([], try slurmNodes(for: "hydra"))
        case .file(let file):
            try HostFile(file).requireSlots(perHost)
            names = try hosts()
            count = names.count
        case .list, .slurm:
            names = try hosts()
            count = names.count
        }
        // Names in place of the file, in which hydra would not understand slots=N.
        let list = names.isEmpty ? [] : ["-hosts", names.joined(separator: ",")]
        return list + ["-ppn", "\(perHost)", "-n", "\(ranks ?? count * perHost)"]
    }

    /// Ranks go to the domains in turn, each bound to all cores of its own; or each to as many cores as it has threads.
    private var hydraBinding: [String] {
        switch (configuration.bindTo, configuration.ranksPer) {
        case (.nothing, _): ["-bind-to", "none"]
        case (.core, .domain): ["-bind-to", "numa"]
        case (.core, .host): ["-bind-to", "core:\(layout.threads)"]
        }
    }
}
