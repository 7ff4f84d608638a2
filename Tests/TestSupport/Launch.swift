internal import Foundation
internal import SystemPackage

/// How a process ended and what it printed.
package struct Outcome: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String
}

/// Starts real processes, alone or under a real `mpirun`.
package enum Launch {
    /// Whether `mpirun` is installed; tests that need it are disabled otherwise.
    package static let hasMPI = which("mpirun") != nil
    /// Whether MPICH's launcher is installed, which is not that of the MPI that the package is built with.
    package static let hasMPICH = which("mpirun.mpich") != nil

    /// Runs one of the package's executables under MPICH's launcher.
    package static func mpich(_ product: String, _ arguments: [String], ranks: Int) throws -> Outcome {
        try tool("mpirun.mpich", ["-np", "\(ranks)", Places.products.appending(product).string] + arguments)
    }

    /// Whether tests of whole runs on several ranks are made in this configuration.
    ///
    /// They take several times as long where nothing is optimized. There those of `InvariantTests` and `ResumeTests`, and
    /// `CommunicatorTests`, go through the same code with bounds and assertions checked.
    package static let testsRankRuns = hasMPI && isOptimized

    /// Whether the tests are compiled with optimization.
    #if DEBUG
    package static let isOptimized = false
    #else
    package static let isOptimized = true
    #endif

    /// Runs one of the package's executables on `ranks` ranks; 1 without `mpirun` where `solo` is set.
    ///
    /// A run that takes longer than `timeout` seconds is killed, and has status -1. One that a signal ended has the
    /// signal's number.
    ///
    /// - Parameter watch: Called again and again with the process's number, `mpirun`'s where there is one, as long as it
    ///   runs and until the answer is true.
    package static func run(
        _ product: String,
        _ arguments: [String],
        ranks: Int = 1,
        solo: Bool = false,
        variables: [String: String] = [:],
        timeout: Double = 120,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        guard solo else {
            let words = Array(repeating: arguments, count: ranks)
            return try mpirun(product, words, variables: variables, timeout: timeout, watch: watch)
        }
        let executable = Places.products.appending(product).string
        return try run(executable, arguments, variables: variables, timeout: timeout, watch: watch)
    }

    /// Runs one of the package's executables under `mpirun`, each rank with arguments of its own.
    ///
    /// - Parameter variables: Set for the ranks, and not for `mpirun`.
    package static func mpirun(
        _ product: String,
        _ ranks: [[String]],
        variables: [String: String] = [:],
        timeout: Double = 120,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        let executable = Places.products.appending(product).string
        let alike = Set(ranks).count == 1 ? [(ranks.count, ranks[0])] : ranks.map { (1, $0) }
        let parts = alike.map { ["-np", "\($0)", executable] + $1 }
        let settings = variables.sorted { $0.key < $1.key }.flatMap { ["-x", "\($0.key)=\($0.value)"] }
        let options = ["--oversubscribe", "--bind-to", "none"] + settings
        return try tool("mpirun", options + parts.joined(separator: [":"]), timeout: timeout, watch: watch)
    }

    /// Runs a program that is found on the path.
    package static func tool(
        _ name: String,
        _ arguments: [String],
        timeout: Double = 120,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        guard let executable = which(name) else { preconditionFailure("\(name) is checked by the test's condition") }
        return try run(executable, arguments, variables: [:], timeout: timeout, watch: watch)
    }

    /// The threads that run tests block most signals, which a program would inherit; `mpirun` then hands on none.
    private static func withNoSignalBlocked(_ body: () throws -> Void) rethrows {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    private static func run(
        _ executable: String,
        _ arguments: [String],
        variables: [String: String] = [:],
        timeout: Double,
        watch: (Int32) -> Bool
    ) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = environment.merging(variables) { $1 }
        process.standardInput = FileHandle.nullDevice
        return try Places.temporary { directory in
            // Files instead of pipes: a full pipe would stop the process that a test waits for.
            let (output, errors) = (directory.appending("out").string, directory.appending("err").string)
            for path in [output, errors] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
            process.standardOutput = FileHandle(forWritingAtPath: output)
            process.standardError = FileHandle(forWritingAtPath: errors)
            try withNoSignalBlocked { try process.run() }
            let deadline = Date(timeIntervalSinceNow: timeout)
            var isWatched = true
            while process.isRunning, Date() < deadline {
                if isWatched { isWatched = !watch(process.processIdentifier) }
                Thread.sleep(forTimeInterval: isWatched ? 0.001 : 0.01)
            }
            let late = process.isRunning
            if late { process.terminate() }
            process.waitUntilExit()
            return Outcome(
                status: late ? -1 : process.terminationStatus,
                output: try String(contentsOfFile: output, encoding: .utf8),
                errors: try String(contentsOfFile: errors, encoding: .utf8)
            )
        }
    }

    /// The test's environment, with what Open MPI wants from root and from containers.
    private static var environment: [String: String] {
        var environment = ProcessInfo.processInfo.environment
        environment["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none"
        if getuid() == 0 {
            environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
            environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        }
        return environment
    }

    private static func which(_ name: String) -> String? {
        let directories = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":")
        return directories.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
