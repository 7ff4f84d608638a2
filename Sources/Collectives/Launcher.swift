internal import Glibc

/// The description of the job in the environment variables of the program that started this process.
enum Launcher {
    /// Variables that hold the number of processes of a job, the innermost launcher's first.
    ///
    /// Ranks of `mpirun` inherit the variables of the daemon that starts them, which in a Slurm job is itself a task of a
    /// step. `SLURM_NTASKS` is excluded, since a batch script has it too, which is a single process. `MPI_LOCALNRANKS` counts
    /// the ranks of one host, a lower bound.
    private static let sizeVariables = [
        "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS",
    ]

    private static let rankVariables = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK"]

    /// Whether an MPI launcher started this process: each sets one of these for its ranks.
    static var isPresent: Bool {
        let variables: [String] = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"]
        return variables.contains { getenv($0) != nil }
    }

    /// This process's rank as its launcher counts, before MPI starts; nil without a launcher.
    static var rank: Int? { setting(among: rankVariables)?.value }

    /// Compares the launcher's number of processes with MPI's.
    ///
    /// - Throws: `LauncherMismatch` if the launcher started more: each process would run as a job of its own.
    static func check(ranks: Int) throws {
        guard let size = setting(among: sizeVariables), size.value > ranks else { return }
        throw LauncherMismatch(variable: size.name, expected: size.value, found: ranks)
    }

    /// The first of these variables that holds a number.
    private static func setting(among names: [String]) -> (name: String, value: Int)? {
        for name in names {
            if let text = getenv(name), let value = Int(String(cString: text)) { return (name, value) }
        }
        return nil
    }
}

/// The launcher started more processes than MPI connects.
struct LauncherMismatch: Refusal, CustomStringConvertible {
    /// The variable in which the launcher gives their number.
    let variable: String
    let expected: Int
    let found: Int
    let isRefusal = true

    var description: String {
        "expected \(expected) ranks (the launcher's \(variable)=\(expected)), found \(found) in MPI_COMM_WORLD: the "
            + "launcher did not connect them through \(World.libraryVersion); use Open MPI's mpirun or srun --mpi=pmix, or "
            + "unset \(variable) to run a single process"
    }
}
