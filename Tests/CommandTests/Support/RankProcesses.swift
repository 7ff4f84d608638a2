internal import Foundation
internal import SystemPackage
internal import TestSupport

/// The processes that a launcher on this host has started.
enum RankProcesses {
    /// The id of the process that is `rank` of `launcher`; nil if there is none yet.
    static func find(rank: Int, of launcher: Int32) -> Int32? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.first { process in
            // Hydra starts ranks through another process.
            guard let parent = parent(of: process), parent == launcher || self.parent(of: parent) == launcher else {
                return false
            }
            let variables = text("/proc/\(process)/environ").split(separator: "\0")
            return variables.contains("\(RankStarter.own.rankVariable)=\(rank)")
        }
    }

    /// Whether a killed process ends within some seconds, in which the system frees its memory.
    static func hasEnded(_ process: Int32) -> Bool {
        for _ in 0..<100 where isAlive(process) { usleep(100_000) }
        return !isAlive(process)
    }

    private static func isAlive(_ process: Int32) -> Bool {
        let state = text("/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("State:") }
        return state.map { !$0.contains("Z") } ?? false
    }

    /// Lets a stopped process run until its first thread has used this CPU time, or waits; then stops it again.
    ///
    /// CPU time, since a loaded machine gives less of it per second.
    static func run(_ process: Int32, milliseconds: UInt64) {
        let end = computed(process) + milliseconds * 1_000_000
        kill(process, SIGCONT)
        for _ in 0..<1000 where computed(process) < end { usleep(1000) }
        kill(process, SIGSTOP)
    }

    /// The CPU time of the first thread of a process, in nanoseconds.
    private static func computed(_ process: Int32) -> UInt64 {
        text("/proc/\(process)/schedstat").split(separator: " ").first.flatMap { UInt64($0) } ?? 0
    }

    private static func parent(of process: Int32) -> Int32? {
        let line = text("/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("PPid:") }
        return line?.split(separator: "\t").last.flatMap { Int32($0) }
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
