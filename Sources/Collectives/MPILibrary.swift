internal import CMPI

/// A family of MPI libraries, which share an ABI and launchers.
package enum MPILibrary: String, CaseIterable, Sendable {
    case openMPI = "openmpi"
    /// MPICH and what is derived from it, such as Intel MPI, Cray MPICH and MVAPICH.
    case mpich

    /// The family that this program is built with: `ESPALIER_MPI` at the time of the build.
    package static let built: MPILibrary = cmpi_is_mpich() == 0 ? .openMPI : .mpich

    package var name: String {
        switch self {
        case .openMPI: "Open MPI"
        case .mpich: "MPICH"
        }
    }

    /// What connects the ranks of a program of this family.
    package var launchers: String {
        switch self {
        case .openMPI: "Open MPI's mpirun or srun --mpi=pmix"
        case .mpich: "MPICH's mpiexec or srun --mpi=pmi2"
        }
    }

    // MARK: Words of commands, for messages

    /// The start of a command for several ranks of this machine.
    package func start(ranks: Int) -> String {
        switch self {
        case .openMPI: "mpirun -np \(ranks) --bind-to none"
        case .mpich: "mpiexec -n \(ranks) -bind-to none"
        }
    }

    /// What gives each rank enough processors for `threads` threads.
    package func binding(threads: Int) -> String {
        switch self {
        case .openMPI: "mpirun --bind-to none, or --map-by slot:PE=\(threads) --bind-to core"
        case .mpich: "mpiexec -bind-to none, or -bind-to core:\(threads)"
        }
    }

    /// What passes a variable of the environment to all ranks.
    package func passing(_ variable: String) -> String {
        switch self {
        case .openMPI: "mpirun -x \(variable)"
        case .mpich: "mpiexec -genv \(variable) VALUE"
        }
    }

    /// What starts equally many ranks on each host, with consecutive numbers.
    package var evenPlacement: String {
        switch self {
        case .openMPI: "mpirun --map-by ppr:N:node"
        case .mpich: "mpiexec -ppn N"
        }
    }

    // MARK: Versions

    /// The name and version in the text of `MPI_Get_library_version`, whose form differs between libraries: its first line, up
    /// to a comma, as in "Open MPI v4.1.4" and "MPICH 4.0.2".
    package static func nameAndVersion(in text: String) -> String {
        let line = text.prefix { !$0.isNewline && $0 != "," }
        let words = line.split(whereSeparator: { $0.isWhitespace }).filter { $0 != ":" }
        return words.filter { $0 != "Version:" }.joined(separator: " ")
    }
}
