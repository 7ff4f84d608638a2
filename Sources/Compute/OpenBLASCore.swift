internal import COpenBLAS
internal import Glibc

/// OpenBLAS's core, the set of kernels that it selects when it is loaded, and the remedy for a bad choice.
package enum OpenBLASCore {
    /// The name of the core that OpenBLAS runs, such as "SkylakeX".
    package static var name: String { String(cString: openblas_get_corename()) }

    private static let wide: Set<String> = ["SkylakeX", "Cooperlake", "SapphireRapids"]
    private static let medium: Set<String> = ["Haswell", "Zen", "Excavator"]

    /// Whether the core uses SSE only, which is about five times slower than AVX-512.
    package static func isFallback(_ name: String) -> Bool { !wide.contains(name) && !medium.contains(name) }

    /// The core that should replace `name` on a processor of `level`; nil if `name` is the best known choice.
    ///
    /// A release older than the processor does not know its model number and selects a fallback. Where 512-bit
    /// instructions run in two halves, AVX2 has the same throughput, and was measured 5 % faster on Zen 4 with 0.3.21.
    package static func remedy(for name: String, level: Processor.Level) -> String? {
        switch level {
        case .avx512: return wide.contains(name) ? nil : "SkylakeX"
        case .halvedAVX512: return name == "Haswell" ? nil : "Haswell"
        case .avx2: return isFallback(name) ? "Haswell" : nil
        case .baseline, .other: return nil
        }
    }

    /// Restarts the process with the right core if OpenBLAS chose a fallback, and disables OpenBLAS's own threads.
    ///
    /// Must be called first, before MPI starts: OpenBLAS reads its environment only while it is loaded. A core that
    /// the user set in `OPENBLAS_CORETYPE` is kept. Returns if nothing needs to change.
    package static func ensure() {
        openblas_set_num_threads(1)
        guard getenv(variable) == nil, let core = remedy(for: name, level: Processor.level) else { return }
        setenv(variable, core, 1)
        setenv(choice, core, 1)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        // Reached only if `exec` fails: slower, but correct.
        unsetenv(variable)
        unsetenv(choice)
    }

    /// The environment variable that selects OpenBLAS's core.
    package static let variable = "OPENBLAS_CORETYPE"
    /// The environment variable in which `ensure` records the core that it selected, so that it is not taken for the user's.
    package static let choice = "ESPALIER_CHOSEN_CORETYPE"

    /// The core that the user selected; nil if OpenBLAS or `ensure` did.
    package static var userChoice: String? {
        guard let core = getenv(variable).map({ String(cString: $0) }) else { return nil }
        return core == getenv(choice).map { String(cString: $0) } ? nil : core
    }

    /// The threads that OpenBLAS itself could use; `ensure` limits each product to the thread that calls it.
    package enum Threading: Int, Sendable {
        case none = 0
        case posix, openMP
    }

    /// The threads that this build of OpenBLAS is made for.
    package static var threading: Threading { Threading(rawValue: Int(openblas_get_parallel())) ?? .posix }
}
