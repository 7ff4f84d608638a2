internal import COpenBLAS

/// The build of OpenBLAS that the program runs with.
package enum OpenBLASBuild {
    /// Version and build options, as "OpenBLAS 0.3.21 NO_AFFINITY DYNAMIC_ARCH Zen MAX_THREADS=64".
    package static var configuration: String {
        String(cString: openblas_get_config()).split(separator: " ").joined(separator: " ")
    }

    /// Name and version, as "OpenBLAS 0.3.21".
    package static var version: String { configuration.split(separator: " ").prefix(2).joined(separator: " ") }
}
