internal import Collectives
internal import Compute
package import Reporting
internal import Revision

/// The program and the libraries that a run is computed with: information for readers of its files.
///
/// Runs resume with other versions too, so nothing is decided by it.
package struct Software: Codable, Sendable, Equatable {
    /// The version of this program, by the rules of semantic versioning.
    package let version: String
    /// The commit that was checked out when the program was built; nil if it is unknown.
    package let commit: String?
    /// The Swift compiler, by its minor version.
    package let compiler: String
    /// Name and version of the BLAS library.
    package let blas: String
    /// The kernels that the BLAS library has selected.
    package let blasKernels: String
    /// Name and version of the MPI library.
    package let mpi: String

    private enum CodingKeys: String, CodingKey {
        case version, commit, compiler, blas, mpi
        case blasKernels = "blas_kernels"
    }

    /// What this process runs.
    package static var current: Software {
        Software(
            version: release,
            commit: Revision.commit,
            compiler: compilerVersion,
            blas: OpenBLASBuild.version,
            blasKernels: OpenBLASCore.name,
            mpi: World.libraryVersion
        )
    }

    /// The version, raised by a release; `-dev` between two.
    package static let release = "2.0.0-dev"

    private static var compilerVersion: String {
        #if compiler(>=6.4)
        "Swift 6.4 or later"
        #elseif compiler(>=6.3)
        "Swift 6.3"
        #else
        "Swift 6.2"
        #endif
    }

    /// The version with the first digits of the commit, as "2.0.0 (6baf0ea)".
    package var name: String { version + (commit.map { " (\($0.prefix(7)))" } ?? "") }

    /// Adds the fields to a record.
    package func add(to record: inout MetricsRecord) {
        record.add("version", version)
        if let commit { record.add("commit", commit) }
        record.add("compiler", compiler)
        record.add("blas", blas)
        record.add("blas_kernels", blasKernels)
        record.add("mpi", mpi)
    }
}
