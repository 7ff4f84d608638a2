internal import Compute
internal import Formats

/// Environment variables of OpenMP and of BLAS libraries, and what each does here.
struct LibraryVariables {
    /// The number of threads of a rank.
    let threads: Int
    /// The threads that OpenBLAS is built for.
    let threading: OpenBLASCore.Threading

    private static let prefixes = ["OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "GOTOBLAS_", "BLIS_"]
    private static let numbers: Set = ["OMP_THREAD_LIMIT", "OMP_DYNAMIC", "MKL_DYNAMIC", "OMP_MAX_ACTIVE_LEVELS"]
    private static let bindings: Set = ["OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"]
    private static let blocks = "OPENBLAS_BLOCK_FACTOR"
    private static let known = ["OPENBLAS_THREAD_TIMEOUT", "OPENBLAS_VERBOSE", "OPENBLAS_MAIN_FREE"]

    /// A finding for each variable of `environment` that a user could expect to matter, in the order of their names.
    func findings(_ environment: [String: String]) -> [Finding] {
        environment.sorted { $0.key < $1.key }.compactMap { name, value in
            guard Self.concerns(name), !Self.isOwn(name, in: environment) else { return nil }
            return finding(name, "\(name)=\(value)".printable())
        }
    }

    private static func concerns(_ name: String) -> Bool {
        prefixes.contains { name.hasPrefix($0) } || name.hasSuffix("_NUM_THREADS")
    }

    /// Whether Espalier itself has set the variable, in a start that `OpenBLASCore.ensure` repeated.
    private static func isOwn(_ name: String, in environment: [String: String]) -> Bool {
        name == OpenBLASCore.variable && environment[name] == environment[OpenBLASCore.choice]
    }

    private func finding(_ name: String, _ setting: String) -> Finding {
        if name == OpenBLASCore.variable {
            return note("\(setting) selects OpenBLAS's kernels: speed, and the last bits of results")
        }
        if name == Self.blocks {
            return question(
                setting,
                "may change the blocks of OpenBLAS's products: speed, and the last bits of results"
            )
        }
        if name.hasSuffix("_NUM_THREADS") || Self.numbers.contains(name) {
            return note("\(setting) has no effect: --threads decides, \(threads) here")
        }
        if Self.bindings.contains(name), threading == .openMP {
            return question(setting, "may bind all threads to one processor, since this OpenBLAS uses OpenMP")
        }
        if name.hasPrefix("OPENBLAS_"), !Self.known.contains(name) {
            return question(setting, "is not a variable whose effect is known here")
        }
        return note("\(setting) has no effect: each product runs on one of the threads of --threads")
    }

    private func note(_ text: String) -> Finding { Finding("environment", .sound, text) }

    private func question(_ setting: String, _ effect: String) -> Finding {
        let name = setting.prefix { $0 != "=" }
        return Finding(
            "environment",
            .warning,
            "\(setting) \(effect)",
            remedy: "unset \(name), or set it to the same value on all ranks"
        )
    }
}

extension Diagnosis {
    /// Variables of OpenMP and of BLAS libraries that are set.
    var variables: [Finding] {
        LibraryVariables(threads: threads, threading: OpenBLASCore.threading).findings(environment)
    }
}
