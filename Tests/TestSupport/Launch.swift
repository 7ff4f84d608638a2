internal import Foundation
internal import SystemPackage

/// How a process ended and what it printed.
package struct Outcome: Sendable {
    package let status: Int32
    package let output: String
    package let errors: String
}

/// Starts real processes, alone or under a real launcher of MPI.
package enum Launch {
    /// Whether the launcher of the package's MPI is installed; tests that need it are disabled otherwise.
    package static let hasMPI = RankStarter.own.program != nil
    /// Whether the launcher of an MPI is installed other than the one that the package is built with.
    package static let hasForeignMPI = RankStarter.foreign.program != nil

    /// Runs one of the package's executables under the launcher of another MPI.
    package static func foreign(_ product: String, _ arguments: [String], ranks: Int) throws -> Outcome {
        let words = ["-np", "\(ranks)", Places.products.appending(product).string] + arguments
        return try starter(.foreign, RankStarter.foreign.unbound + words)
    }

    /// Runs a command line of the launcher of the package's MPI: options, ranks and programs.
    package static func ranks(
        _ words: [String],
        timeout: Double = 120,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        try starter(.own, words, timeout: timeout, watch: watch)
    }

    private static func starter(
        _ starter: RankStarter,
        _ words: [String],
        timeout: Double = 120,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        guard let program = starter.program else { preconditionFailure("a test's condition checks the launcher") }
        return try run(program, words, timeout: timeout, watch: watch)
    }

    /// Whether whole runs on several ranks are tested in this build.
    ///
    /// They take several times as long without optimization. Debug builds run those of `InvariantTests`, `ResumeTests`,
    /// `StopTests` and `CommunicatorTests`, which execute the same code with bounds and assertions checked.
    package static let testsRankRuns = hasMPI && isOptimized

    /// Whether the tests are compiled with optimization.
    #if DEBUG
    package static let isOptimized = false
    #else
    package static let isOptimized = true
    #endif

    /// Runs one of the package's executables on `ranks` ranks, or if `solo` is set as one process without a launcher.
    ///
    /// A run that takes longer than `timeout` seconds is killed, and has status -1. The status of one that a
    /// signal ended is the signal's number.
    ///
    /// - Parameter watch: Called repeatedly with the id of the process (that of the launcher if there is one) while it runs,
    ///   until the result is true.
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

    /// Runs one of the package's executables under the launcher of its MPI, each rank with its own
    /// arguments.
    ///
    /// - Parameter variables: Environment variables of the ranks, not of the launcher.
    package static func mpirun(
        _ product: String,
        _ ranks: [[String]],
        variables: [String: String] = [:],
        timeout: Double = 120,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        let executable = Places.products.appending(product).string
        let groups = Set(ranks).count == 1 ? [(ranks.count, ranks[0])] : ranks.map { (1, $0) }
        let settings = variables.sorted { $0.key < $1.key }.flatMap { RankStarter.own.variable($0.key, $0.value) }
        let parts = groups.map { settings + ["-np", "\($0)", executable] + $1 }
        let words = RankStarter.own.unbound + Array(parts.joined(separator: [":"]))
        return try self.ranks(words, timeout: timeout, watch: watch)
    }

    /// Runs a program that is found on the path.
    package static func tool(
        _ name: String,
        _ arguments: [String],
        timeout: Double = 120,
        watch: (Int32) -> Bool = { _ in true }
    ) throws -> Outcome {
        guard let executable = which(name) else { preconditionFailure("a test's condition checks \(name)") }
        return try run(executable, arguments, variables: [:], timeout: timeout, watch: watch)
    }

    /// Threads that run tests block most signals, which a program would inherit: a launcher would forward none.
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
            // Files instead of pipes: a full pipe would block the process that a test waits for.
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

    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.merging(RankStarter.environment) { $1 }
    }

    /// The path of a program; nil if it is not found.
    static func which(_ name: String) -> String? {
        let directories = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":")
        return directories.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
