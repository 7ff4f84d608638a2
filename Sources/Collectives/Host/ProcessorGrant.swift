internal import Glibc

/// The processors that a job may use on this host, whatever its ranks are bound to.
package struct ProcessorGrant: Sendable, Equatable {
    /// What starts the ranks, which decides the remedy for a wrong binding.
    package enum Starter: Sendable, Equatable { case srun, mpirun, hydra, none }

    /// At least 1.
    package let processors: Int
    /// The source of the number, such as "granted by Slurm (SLURM_JOB_CPUS_PER_NODE=8)".
    package let source: String
    /// Whether a batch system granted them, which may not prevent a job from using more.
    package let isOfBatchSystem: Bool
    package let starter: Starter

    /// A grant of `processors` processors.
    package init(processors: Int, source: String, isOfBatchSystem: Bool, starter: Starter) {
        (self.processors, self.source) = (processors, source)
        (self.isOfBatchSystem, self.starter) = (isOfBatchSystem, starter)
    }

    /// The grant of the job that this process is a rank of, or which it starts; nil if nothing limits or binds it.
    ///
    /// In a Slurm job, Slurm's number of processors; under mpirun or hydra, the processors that it may run on itself.
    ///
    /// - Parameters:
    ///   - variables: The environment.
    ///   - ranks: Ranks of the job on this host.
    ///   - root: The directory that contains `/proc`.
    package static func find(variables: [String: String], ranks: Int, root: String = "/") -> ProcessorGrant? {
        let starter = starter(variables)
        if let slurm = SlurmProcessors(variables, ranks: ranks) {
            return ProcessorGrant(
                processors: slurm.count,
                source: "granted by Slurm (\(slurm.source))",
                isOfBatchSystem: true,
                starter: starter
            )
        }
        guard starter == .mpirun || starter == .hydra else { return nil }
        return KernelFiles(root: root).allowedProcessors(of: "\(getppid())").map {
            ProcessorGrant(
                processors: $0.count,
                source: "that \(starter == .mpirun ? "mpirun" : "mpiexec") may use",
                isOfBatchSystem: false,
                starter: starter
            )
        }
    }

    private static func starter(_ variables: [String: String]) -> Starter {
        if variables["OMPI_COMM_WORLD_SIZE"] != nil { return .mpirun }
        if variables["MPI_LOCALRANKID"] != nil { return .hydra }
        return variables["SLURM_STEP_NUM_TASKS"] != nil ? .srun : .none
    }
}

/// The number of processors of a Slurm job on this host, from the variables of a batch script or step.
private struct SlurmProcessors {
    let count: Int
    /// The variable with its value.
    let source: String

    /// Nil outside of a Slurm job.
    init?(_ variables: [String: String], ranks: Int) {
        guard variables["SLURM_JOB_ID"] != nil else { return nil }
        func positive(_ name: String) -> Int? { variables[name].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
        let list = variables["SLURM_JOB_CPUS_PER_NODE"] ?? ""
        // A rank of mpirun inherits the variables of a daemon, whose step does not include the first node.
        let isOfDaemon = variables["OMPI_COMM_WORLD_SIZE"] != nil
        let node = isOfDaemon ? nil : variables["SLURM_NODEID"].flatMap { Int($0) }
        if let count = Self.processors(in: list, node: node) {
            (self.count, source) = (count, "SLURM_JOB_CPUS_PER_NODE=\(list)")
        } else if let count = positive("SLURM_CPUS_ON_NODE") {
            (self.count, source) = (count, "SLURM_CPUS_ON_NODE=\(count)")
        } else if let count = positive("SLURM_CPUS_PER_TASK") {
            (self.count, source) = (ranks * count, "SLURM_CPUS_PER_TASK=\(count)")
        } else {
            return nil
        }
    }

    /// The number for a node in a list such as `16(x2),8`; nil if the list is invalid or too short, or if its nodes differ and
    /// the node is unknown.
    private static func processors(in list: String, node: Int?) -> Int? {
        var numbers: [Int] = []
        for part in list.split(separator: ",") {
            let words = part.split(whereSeparator: { "(x)".contains($0) }).map { Int($0) ?? 0 }
            guard (1...2).contains(words.count), words.allSatisfy({ (1...1 << 20).contains($0) }) else { return nil }
            numbers += Array(repeating: words[0], count: words.count > 1 ? words[1] : 1)
        }
        if Set(numbers).count == 1 { return numbers[0] }
        return node.flatMap { numbers.indices.contains($0) ? numbers[$0] : nil }
    }
}
