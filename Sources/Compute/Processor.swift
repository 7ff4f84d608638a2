internal import CKernels
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

    /// Whether the processor multiplies bfloat16 in registers of AVX-512, from CPUID.
    package static var hasAVX512BFloat16: Bool { ek_has_avx512_bf16() }
    /// Whether the processor multiplies tiles of bfloat16 (AMX), from CPUID; the kernel may forbid it nevertheless.
    package static var hasAMXBFloat16: Bool { ek_has_amx_bf16() }

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
