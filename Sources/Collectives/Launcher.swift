internal import Glibc

/// The description of the job in the environment variables of the program that started this process.
enum Launcher {
    /// Variables that hold the number of processes of a job, the innermost launcher's first.
    ///
    /// Ranks of `mpirun` inherit the variables of the daemon that starts them, which in a Slurm job is itself a task of a
    /// step. `SLURM_NTASKS` is excluded, since a batch script has it too, which is a single process. `PALS_LOCAL_SIZE` and
    /// `MPI_LOCALNRANKS` count the ranks of one host, a lower bound.
    private static let sizeVariables = [
        "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "PMI_SIZE", "PALS_LOCAL_SIZE", "MPI_LOCALNRANKS",
        "SLURM_STEP_NUM_TASKS",
    ]

    private static let rankVariables = [
        "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "PALS_RANKID",
    ]

    /// Variables of which every launcher sets one for its ranks: Open MPI's, those of PMIx and of PMI 1 and 2, and for
    /// MPICH also those of hydra (Intel MPI has it too), of MVAPICH2, and of Cray's PALS and PMI, which Slurm starts too.
    ///
    /// Open MPI's start ends a task of Slurm that it cannot connect: it is not tried for variables that it does not use.
    private static var signs: [String] {
        let common = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"]
        switch MPILibrary.built {
        case .openMPI: return common
        case .mpich: return common + ["MPI_LOCALRANKID", "MV2_COMM_WORLD_RANK", "PALS_RANKID", "PMI_CONTROL_PORT"]
        }
    }

    /// Whether an MPI launcher started this process.
    static var isPresent: Bool { signs.contains { getenv($0) != nil } }

    /// This process's rank as its launcher counts, before MPI starts; nil without a launcher.
    static var rank: Int? { rankVariables.lazy.compactMap { number($0) }.first }

    /// The name of what started this process, by the variable that holds its number of processes; nil without one.
    static var starter: String? { sizes.first.map { starter($0.name).name } }

    /// The numbers of processes in the environment, the innermost launcher's first.
    private static var sizes: [(name: String, value: Int)] {
        sizeVariables.compactMap { name in number(name).map { (name, $0) } }
    }

    /// Compares the launcher's number of processes with MPI's.
    ///
    /// - Throws: `LauncherMismatch` if the launcher started more: each process would run as a job of its own.
    static func check(ranks: Int) throws {
        let sizes = sizes
        // A number that MPI confirms is that of the launcher; others are inherited.
        if ranks > 1, sizes.contains(where: { $0.value == ranks }) { return }
        guard let size = sizes.first, size.value > ranks else { return }
        throw LauncherMismatch(variable: size.name, expected: size.value, found: ranks, starter: starter(size.name))
    }

    /// The program that set a variable with the number of processes.
    private static func starter(_ variable: String) -> LauncherMismatch.Starter {
        let isSlurm = getenv("SLURM_STEP_NUM_TASKS") != nil
        switch variable {
        case "OMPI_COMM_WORLD_SIZE": return .init(name: "Open MPI's mpirun", library: .openMPI)
        case "MV2_COMM_WORLD_SIZE": return .init(name: "MVAPICH2's launcher", library: .mpich)
        case "SLURM_STEP_NUM_TASKS":
            guard getenv("PMIX_RANK") == nil else { return .init(name: "srun --mpi=pmix", library: .openMPI) }
            return .init(name: "srun without PMI", library: nil)
        default:
            if getenv("PALS_RANKID") != nil { return .init(name: "the mpiexec of PALS", library: .mpich) }
            if isSlurm, getenv("MPI_LOCALRANKID") == nil { return .init(name: "srun --mpi=pmi2", library: .mpich) }
            return .init(name: "the mpiexec of MPICH or Intel MPI", library: .mpich)
        }
    }

    private static func number(_ variable: String) -> Int? {
        getenv(variable).flatMap { Int(String(cString: $0)) }
    }
}

/// The launcher started more processes than MPI connects.
struct LauncherMismatch: Refusal, CustomStringConvertible {
    /// What started the processes.
    struct Starter {
        let name: String
        /// The family of MPI whose processes it connects; nil for none.
        let library: MPILibrary?
    }

    /// The variable in which the launcher gives their number.
    let variable: String
    let expected: Int
    let found: Int
    let starter: Starter
    let isRefusal = true

    var description: String {
        let built = MPILibrary.built
        let other = starter.library.flatMap { $0 == built ? nil : $0 }
        let rebuild = other.map { "build it with ESPALIER_MPI=\($0.rawValue) for the launcher, " } ?? ""
        return "expected \(expected) ranks (the launcher's \(variable)=\(expected)), found \(found) in MPI_COMM_WORLD: "
            + "started by \(starter.name), built with \(World.libraryVersion); start it by \(built.launchers), \(rebuild)"
            + "or unset \(variable) to run a single process"
    }
}
