internal import CKernels
internal import COpenBLAS
internal import Glibc

/// The processor as this process sees it: instruction set, available cores, time and memory used.
package enum Processor {
    /// The widest vector instructions of the processor, as an x86-64 level.
    package enum Level: Int, Sendable {
        case other = 0
        case baseline = 1
        case avx2 = 3
        case avx512 = 4
        /// AVX-512 executed as two halves of 256 bits, as on AMD's Zen 4.
        case halvedAVX512 = 5
    }

    /// The processor's level, from CPUID.
    package static var level: Level {
        ek_halves_avx512() ? .halvedAVX512 : Level(rawValue: Int(ek_processor_level())) ?? .other
    }

    /// The number of processors on which the scheduler may run this process.
    package static var availableCount: Int { Int(ek_available_processors()) }

    /// Seconds since the process started, calls of `exec` included; 0 if unknown.
    package static var secondsSinceStart: Double { ek_seconds_since_start() }

    /// The peak resident set size of the process, in bytes.
    package static var peakResidentBytes: Int { usage.ru_maxrss * 1024 }

    /// CPU seconds that all threads of the process have spent in the kernel.
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
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        // Reached only if `exec` fails: slower, but correct.
        unsetenv(variable)
    }

    /// The environment variable that selects OpenBLAS's core.
    package static let variable = "OPENBLAS_CORETYPE"
}
