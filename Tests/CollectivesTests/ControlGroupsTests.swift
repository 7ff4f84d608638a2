internal import Collectives
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// The CPU quotas of control groups, as the kernel's files describe them.
struct ControlGroupsTests {
    private static let unified = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    private static let legacy = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"

    /// The quotas that the files describe, with the files that set them, outermost first.
    private func quotas(_ files: [String: String]) throws -> [String: Double] {
        try Places.temporary { root in
            for (name, text) in files {
                let path = root.appending(name)
                let directory = path.removingLastComponent().string
                try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
                try text.write(toFile: path.string, atomically: false, encoding: .utf8)
            }
            let found = ControlGroups(root: root.string).quotas
            #expect(Set(found.map(\.group)).count == found.count, "each group once")
            return Dictionary(uniqueKeysWithValues: found.map { ($0.file, $0.processors) })
        }
    }

    @Test("the quotas of a group and of all groups that contain it count in version 2")
    func nested() throws {
        let found = try quotas([
            "proc/self/cgroup": "0::/job/step/task\n", "proc/self/mountinfo": Self.unified,
            "sys/fs/cgroup/job/cpu.max": "300000 100000\n", "sys/fs/cgroup/job/step/cpu.max": "max 100000\n",
            "sys/fs/cgroup/job/step/task/cpu.max": "75000 50000\n", "sys/fs/cgroup/other/cpu.max": "1 1\n",
        ])
        #expect(found == ["/sys/fs/cgroup/job/cpu.max": 3, "/sys/fs/cgroup/job/step/task/cpu.max": 1.5])
    }

    @Test("in version 1 only the hierarchy with the controller cpu counts, at whatever place it is mounted")
    func legacy() throws {
        let group = "sys/fs/cgroup/cpu,cpuacct"
        let found = try quotas([
            "proc/self/cgroup": "9:cpuset:/set\n4:cpuacct,cpu:/a\n1:name=systemd:/\n0::/a\n",
            "proc/self/mountinfo": Self.legacy + "33 31 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            "\(group)/a/cpu.cfs_quota_us": "250000\n", "\(group)/a/cpu.cfs_period_us": "100000\n",
            "\(group)/cpu.cfs_quota_us": "-1\n", "\(group)/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpuset/set/cpu.cfs_quota_us": "1\n", "sys/fs/cgroup/cpuset/set/cpu.cfs_period_us": "1\n",
            "sys/fs/cgroup/unified/a/cgroup.procs": "1\n",
        ])
        #expect(found == ["/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": 2.5])
    }

    @Test(
        "a container sees the quota of its own group, with and without a namespace",
        arguments: [
            // A namespace; the path on the host, which the mount's root has too; a mount of a group above the namespace.
            ("0::/", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"),
            ("0::/docker/ab c", #"31 23 0:28 /docker/ab\040c /sys/fs/cgroup rw - cgroup2 cgroup2 rw"#),
            ("0::/", "31 23 0:28 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw"),
            // The path on the host, of which the container mounts its own group as the root; another mount before it.
            ("0::/docker/abc", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"),
            (
                "0::/",
                "30 23 0:28 / /elsewhere rw - cgroup2 cgroup2 rw\n31 23 0:28 / /sys/fs/cgroup rw shared:9 - cgroup2 none rw"
            ),
            // No list of mounts.
            ("0::/", ""),
        ]
    )
    func containers(line: String, mounts: String) throws {
        let found = try quotas([
            "proc/self/cgroup": "\(line)\n", "proc/self/mountinfo": "\(mounts)\n",
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
        ])
        #expect(found == ["/sys/fs/cgroup/cpu.max": 1.5])
    }

    @Test(
        "no limit, another container's group and text that is no quota give none",
        arguments: [
            ("0::/", "max 100000"), ("0::/", ""), ("0::/", "many 100000"), ("0::/", "100000 0"), ("0::/", "-5 100000"),
            ("0::/../x", "100000 100000"), ("0:/", "100000 100000"), ("", "100000 100000"),
        ]
    )
    func none(line: String, text: String) throws {
        let found = try quotas([
            "proc/self/cgroup": "\(line)\n", "proc/self/mountinfo": Self.unified, "sys/fs/cgroup/cpu.max": "\(text)\n",
        ])
        #expect(found.isEmpty, "\(found)")
    }
}
