internal import Foundation
internal import TestSupport
internal import Glibc
internal import Testing

/// A real control group with a CPU quota, for as long as a test needs it.
struct QuotaGroup {
    private let directories: [String]

    /// The hierarchies of versions 1 and 2 in which a group can be created here, as root.
    private static let hierarchies = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"]

    /// Whether groups with a quota can be created here.
    static var isPossible: Bool {
        guard let group = try? QuotaGroup(percent: [100]) else { return false }
        group.remove()
        return true
    }

    /// Creates a group for each quota, in percent of a processor.
    init(percent quotas: [Int]) throws {
        let hierarchy = try #require(
            Self.hierarchies.first {
                let isLegacy = exists("\($0)/cpu.cfs_quota_us")
                let controllers = (try? String(contentsOfFile: "\($0)/cgroup.subtree_control", encoding: .utf8)) ?? ""
                return access($0, W_OK) == 0
                    && (isLegacy || controllers.split(whereSeparator: \.isWhitespace).contains("cpu"))
            }
        )
        directories = quotas.indices.map { "\(hierarchy)/espalier-test-\(getpid())-\(UUID().uuidString)-\($0)" }
        for (directory, percent) in zip(directories, quotas) {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            let isLegacy = exists("\(directory)/cpu.cfs_quota_us")
            let file = isLegacy ? "cpu.cfs_quota_us" : "cpu.max"
            let text = isLegacy ? "\(percent * 1000)" : "\(percent * 1000) 100000"
            try write(text, to: "\(directory)/\(file)")
        }
    }

    /// A shell command that moves itself into the group, then becomes the command of its arguments.
    ///
    /// - Parameter rank: Whether rank *N* moves into group *N*, instead of all into the first.
    func words(byRank: Bool = false) -> [String] {
        let list = directories.map { "'\($0)'" }.joined(separator: " ")
        let index = byRank ? "$\(RankStarter.own.rankVariable)" : "0"
        return ["bash", "-c", "groups=(\(list)); echo $$ >\"${groups[\(index)]}/cgroup.procs\" && exec \"$@\"", "bash"]
    }

    /// Removes the groups, whose processes have ended.
    func remove() { for directory in directories { rmdir(directory) } }

    private func write(_ text: String, to file: String) throws {
        try text.write(toFile: file, atomically: false, encoding: .utf8)
    }
}

private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
