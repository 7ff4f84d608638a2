internal import Collectives
internal import Compute
internal import Formats
internal import Reporting
internal import Training

extension RankLauncher {
    /// What a user should know before the ranks start: granted processors that they do not use, and variables that change
    /// results on this host only; a line each.
    var remarks: [String] {
        [grantRemark ?? idleRemark, kernelRemark].compactMap { $0 }.map { "launch: \($0)" }
    }

    /// The ranks and threads of a host in a batch job, compared with the processors of the job.
    private var grantRemark: String? {
        let grant = ProcessorGrant.find(variables: variables, ranks: layout.ranksPerHost)
        guard let grant, grant.isOfBatchSystem else { return nil }
        let threads = layout.ranksPerHost * layout.threads
        let use = ProcessorUse(ranks: layout.ranksPerHost, threads: threads, processors: threads, isChosen: true)
        let perCore = layout.host?.processorsPerCore ?? 1
        let (found, remedy) = use.comparison(with: grant, cores: threads, processorsPerCore: perCore)
        guard let remedy else { return "\(found), \(counted(layout.threads, "thread")) each" }
        guard threads < grant.processors else { return "warning: \(found); \(remedy)" }
        return "warning: \(found); \(remedyForUnusedProcessors(grant))"
    }

    private func remedyForUnusedProcessors(_ grant: ProcessorGrant) -> String {
        let count = max(1, grant.processors / layout.ranksPerHost)
        if layout.hasChosenThreads { return "set threads to \(count)" }
        let cores = layout.host.map { "this process may use \(counted($0.cores, "core")): " } ?? ""
        return grant.starter == .srun
            ? "\(cores)start it from the batch script, or by srun --cpus-per-task=\(grant.processors) or --cpu-bind=none"
            : "\(cores)set ranks to divide the granted cores, or threads to \(count)"
    }

    /// Cores of this host without a thread, if the file leaves the number of threads open.
    private var idleRemark: String? {
        guard let host = layout.host, !layout.hasChosenThreads else { return nil }
        let (ranks, threads) = (layout.ranksPerHost, layout.ranksPerHost * layout.threads)
        let use = ProcessorUse(ranks: ranks, threads: threads, processors: host.cores, isChosen: false)
        return use.complaint.map { "warning: \($0.found); change ranks or ranks_per, so that ranks divide the cores" }
    }

    /// A choice of OpenBLAS's kernels that ranks of other hosts would not inherit.
    private var kernelRemark: String? {
        let name = OpenBLASCore.variable
        guard let value = variables[name], environment[name] == nil, !isLocal else { return nil }
        return "warning: \(name)=\(value.printable()) selects the kernels of this host only; "
            + "set it under environment in the cluster file, or unset it"
    }
}
