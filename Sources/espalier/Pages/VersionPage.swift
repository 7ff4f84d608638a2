internal import Compute
internal import Training

/// What `espalier --version` prints: the program on the first line, then what it was built from and runs with.
enum VersionPage {
    static var text: String {
        let software = Software.current
        return """
            espalier \(software.name)
            commit    \(software.commit ?? "unknown")
            compiler  \(software.compiler)
            BLAS      \(OpenBLASBuild.configuration); kernels for \(software.blasKernels)
            MPI       \(software.mpi)
            """
    }
}
