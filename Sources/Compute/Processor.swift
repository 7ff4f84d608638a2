internal import CKernels
internal import COpenBLAS
internal import Glibc

/// What this process may compute with.
package enum Processor {
    /// The widest vector instructions of the processor.
    package enum Level: Int, Sendable {
        case other = 0
        case baseline = 1
        case avx2 = 3
        case avx512 = 4
        /// AVX-512 that runs in two halves of 256 bits, as on AMD's Zen 4.
        case halvedAVX512 = 5
    }

    /// The processor's level, by CPUID.
    package static var level: Level {
        ek_halves_avx512() ? .halvedAVX512 : Level(rawValue: Int(ek_processor_level())) ?? .other
    }

    /// The number of processors on which the scheduler may run this process.
    package static var availableCount: Int { Int(ek_available_processors()) }

    /// Seconds since the process was started, however often it has exchanged its program since; 0 where unknown.
    package static var secondsSinceStart: Double { ek_seconds_since_start() }

    /// The most memory that the process has held, in bytes (its peak resident set).
    package static var peakResidentBytes: Int { usage.ru_maxrss * 1024 }

    /// Seconds that the process's threads have spent in the system.
    package static var systemSeconds: Double {
        let time = usage.ru_stime
        return Double(time.tv_sec) + Double(time.tv_usec) * 1e-6
    }

    private static var usage: rusage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }
}

/// OpenBLAS's choice of kernels, and the remedy for a bad one.
package enum OpenBLASCore {
    /// The name of the kernels that OpenBLAS runs, such as "SkylakeX".
    package static var name: String { String(cString: openblas_get_corename()) }

    private static let wide: Set<String> = ["SkylakeX", "Cooperlake", "SapphireRapids"]
    private static let medium: Set<String> = ["Haswell", "Zen", "Excavator"]

    /// Whether these kernels are of the SSE era, about five times slower than those for AVX-512.
    package static func isFallback(_ name: String) -> Bool { !wide.contains(name) && !medium.contains(name) }

    /// The core that should run instead of `name` on a processor of `level`; nil where the choice is the best known.
    ///
    /// Releases older than a processor do not know its model number and run a fallback. Where 512 bits run in two
    /// halves, the kernels for AVX2 do as much in each cycle, and were measured 5 % faster on Zen 4 with 0.3.21.
    package static func remedy(for name: String, level: Processor.Level) -> String? {
        switch level {
        case .avx512: return wide.contains(name) ? nil : "SkylakeX"
        case .halvedAVX512: return name == "Haswell" ? nil : "Haswell"
        case .avx2: return isFallback(name) ? "Haswell" : nil
        case .baseline, .other: return nil
        }
    }

    /// Restarts the process with the right kernels where OpenBLAS chose a fallback, and keeps its own threads out.
    ///
    /// To be called first thing, before MPI starts: OpenBLAS reads its environment only while it is loaded. A core that
    /// the user named in `OPENBLAS_CORETYPE` is left alone. Returns where nothing needs to change.
    package static func ensure() {
        openblas_set_num_threads(1)
        guard getenv(variable) == nil, let core = remedy(for: name, level: Processor.level) else { return }
        setenv(variable, core, 1)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        // Reached only if the system refuses: slower, but right.
        unsetenv(variable)
    }

    /// The environment variable by which OpenBLAS is told its core.
    package static let variable = "OPENBLAS_CORETYPE"
}
