internal import Foundation
package import Collectives

/// The program that starts ranks of an MPI library, and its options, on this host.
package struct RankStarter: Sendable {
    /// That of the library which the package is built with.
    package static let own = RankStarter(.built)
    /// That of the other library, which does not connect ranks of this build.
    package static let foreign = RankStarter(MPILibrary.built == .mpich ? .openMPI : .mpich)

    package let library: MPILibrary
    /// The path; nil if it is not installed.
    package let program: String?

    private init(_ library: MPILibrary) {
        self.library = library
        // Debian names the launchers of both, of which `mpirun` is one.
        let names = library == .mpich ? ["mpiexec.mpich"] : ["mpirun.openmpi"]
        let plain = library == .mpich ? "mpiexec" : "mpirun"
        program = (names + (library == .built ? [plain] : [])).lazy.compactMap(Launch.which).first
    }

    /// For any number of ranks, which are not bound to processors.
    package var unbound: [String] {
        switch library {
        case .openMPI: ["--oversubscribe", "--bind-to", "none"]
        case .mpich: ["-bind-to", "none"]
        }
    }

    /// For ranks that are bound to a core each.
    package var bound: [String] {
        switch library {
        case .openMPI: ["--bind-to", "core"]
        case .mpich: ["-bind-to", "core"]
        }
    }

    /// Sets an environment variable of the ranks, not of the launcher.
    package func variable(_ name: String, _ value: String) -> [String] {
        switch library {
        case .openMPI: ["-x", "\(name)=\(value)"]
        case .mpich: ["-env", name, value]
        }
    }

    /// The environment variable of a rank that holds its number.
    package var rankVariable: String {
        switch library {
        case .openMPI: "OMPI_COMM_WORLD_RANK"
        case .mpich: "PMI_RANK"
        }
    }

    /// The exit codes of the launcher of ranks that it has forwarded a signal to, and which exit with 75.
    ///
    /// Hydra of MPICH 4.0 replaces the code of some ranks by 0, which it means for ranks that it kills itself.
    package var stopped: Set<Int32> { library == .mpich ? [75, 0] : [75] }

    /// What the launcher needs as root, in containers, and where ranks share processors; the other library ignores it.
    ///
    /// All ranks are on this host, where Open MPI would choose the same transport after it has tried others, and share its
    /// processors with those of other tests, to which a rank that waits yields.
    package static var environment: [String: String] {
        var variables = [
            "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_pml": "ob1",
            "OMPI_MCA_mpi_yield_when_idle": "1",
        ]
        if getuid() == 0 {
            for name in ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] { variables[name] = "1" }
        }
        return variables
    }
}
