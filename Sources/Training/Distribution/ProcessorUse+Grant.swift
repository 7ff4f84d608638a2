package import Collectives

extension ProcessorUse {
    /// Compares the processors in use with those that the job was granted on the host.
    ///
    /// One thread per core is enough, so that a core counts for all of its processors. A quota is a finding of its own.
    ///
    /// - Parameters:
    ///   - cores: The cores that the ranks of the host may run on.
    ///   - processorsPerCore: 2 with hyperthreads.
    /// - Returns: What was found, and the remedy if it is too much or too little.
    package func comparison(
        with grant: ProcessorGrant,
        cores: Int,
        processorsPerCore: Int
    ) -> (found: String, remedy: String?) {
        let used = min(threads, processors)
        let verb = ranks == 1 ? "uses" : "use"
        let found = "\(number(ranks, "rank")) \(verb) \(used) of \(grant.processors) processors \(grant.source)"
        if grant.isOfBatchSystem, used > grant.processors {
            let change = "request --cpus-per-task=\(perRank(used)), or use --threads \(perRank(grant.processors))"
            return (found, "other jobs of the host become slower: \(change)")
        }
        if cores * processorsPerCore < grant.processors { return (found, remedyForBinding(grant)) }
        let isUnused = grant.isOfBatchSystem && used * processorsPerCore < min(grant.processors, processors)
        let change = "omit --threads, use --threads \(perRank(grant.processors)), or request fewer processors"
        return (found, isUnused ? change : nil)
    }

    /// Compares the processors in use with those that the job was granted on the host of this process.
    package func comparison(with grant: ProcessorGrant, host: KernelFiles) -> (found: String, remedy: String?) {
        let cores = Int((Double(allowed) / host.allowedPerCore).rounded(.up))
        return comparison(with: grant, cores: cores, processorsPerCore: host.processorsPerCore)
    }

    private func perRank(_ processors: Int) -> Int { max(1, processors / ranks) }

    private func remedyForBinding(_ grant: ProcessorGrant) -> String {
        let count = perRank(grant.processors)
        switch grant.starter {
        case .mpirun: return "use \(MPILibrary.openMPI.binding(threads: count))"
        case .hydra: return "use \(MPILibrary.mpich.binding(threads: count))"
        case .srun, .none:
            return
                "use srun --cpus-per-task=\(count), which it does not inherit from sbatch, or --cpu-bind=none, unless "
                + "other steps of the job use the rest"
        }
    }
}
