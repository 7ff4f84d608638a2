internal import Foundation

/// A limit on the CPU time of a control group, which all of its processes share.
package struct ProcessorQuota: Sendable, Equatable {
    /// A control group, identified independently of its path, which differs between containers.
    package struct Group: Sendable, Hashable {
        package let device: UInt64
        package let inode: UInt64

        /// A group from the device and the inode of its directory.
        package init(device: UInt64, inode: UInt64) {
            (self.device, self.inode) = (device, inode)
        }
    }

    /// CPU seconds per second, above 0; 1.5 for one and a half processors.
    package let processors: Double
    /// The group that the limit belongs to.
    package let group: Group
    /// The file that sets the limit.
    package let file: String

    /// A limit of `processors` CPU seconds per second.
    package init(processors: Double, group: Group, file: String) {
        (self.processors, self.group, self.file) = (processors, group, file)
    }
}

/// The control groups of this process, as the kernel describes them in files under a directory.
///
/// In a container, only the container's own group and the groups inside of it are visible; container runtimes set the
/// quota there.
package struct ControlGroups {
    private let kernel: KernelFiles

    /// The groups that `/proc` and the mounted hierarchies under `root` describe.
    package init(root: String = "/") {
        kernel = KernelFiles(root: root)
    }

    /// The CPU quotas of this process's groups, of version 1 and 2, and of all visible groups that contain them.
    package var quotas: [ProcessorQuota] {
        let mounts = self.mounts
        return kernel.lines(of: "/proc/self/cgroup").flatMap { line -> [ProcessorQuota] in
            // `number:controllers:path`; version 2 has no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map { String($0) }
            guard fields.count == 3 else { return [] }
            let controllers = fields[1].split(separator: ",")
            guard controllers.isEmpty || controllers.contains("cpu") else { return [] }
            let version = controllers.isEmpty ? 2 : 1
            let usual = Mount(version: version, root: "/", point: usualPoint(of: fields[1]))
            let candidates = mounts.filter { $0.version == version }
            let found = candidates.first { !directories(of: fields[2], in: $0).isEmpty } ?? usual
            return directories(of: fields[2], in: found).compactMap { quota(in: $0, version: version) }
        }
    }

    // MARK: Directories

    /// A mounted hierarchy with the CPU controller.
    private struct Mount {
        let version: Int
        /// The group that is the mount's root.
        let root: String
        /// The directory where it is mounted.
        let point: String
    }

    /// The mount point that distributions use, for a `/proc` that does not list mounts.
    private func usualPoint(of controllers: String) -> String {
        controllers.isEmpty ? "/sys/fs/cgroup" : "/sys/fs/cgroup/\(controllers)"
    }

    private var mounts: [Mount] {
        kernel.lines(of: "/proc/self/mountinfo").compactMap { line in
            // `id parent device root point options … - type source options`
            let halves = line.components(separatedBy: " - ")
            let (place, kind) = (halves[0].split(separator: " "), halves.last?.split(separator: " ") ?? [])
            guard halves.count == 2, place.count >= 5, kind.count >= 3 else { return nil }
            let (root, point) = (unescaped(place[3]), unescaped(place[4]))
            if kind[0] == "cgroup2" { return Mount(version: 2, root: root, point: point) }
            guard kind[0] == "cgroup", kind[2].split(separator: ",").contains("cpu") else { return nil }
            return Mount(version: 1, root: root, point: point)
        }
    }

    /// The kernel writes a space as `\040`.
    private func unescaped(_ word: Substring) -> String { word.replacingOccurrences(of: #"\040"#, with: " ") }

    /// The directories of the group `path` and of the groups that contain it, outermost first; empty if none is visible.
    ///
    /// A path that is not below the mount's root belongs to a namespace whose root the mount contains.
    private func directories(of path: String, in mount: Mount) -> [String] {
        // A process outside of its namespace's root, whose groups are not visible.
        guard !path.hasPrefix("/.."), exists(mount.point) else { return [] }
        var found = [mount.point]
        guard let names = components(of: path, below: mount.root) else { return found }
        for name in names {
            let next = "\(found[found.count - 1])/\(name)"
            guard exists(next) else { break }
            found.append(next)
        }
        return found
    }

    private func components(of path: String, below root: String) -> [Substring]? {
        let (path, root) = (path.split(separator: "/"), root.split(separator: "/"))
        return path.starts(with: root) ? Array(path.dropFirst(root.count)) : nil
    }

    // MARK: Files

    private func quota(in directory: String, version: Int) -> ProcessorQuota? {
        let file = version == 2 ? "\(directory)/cpu.max" : "\(directory)/cpu.cfs_quota_us"
        // Version 2 has both numbers in one line, version 1 has a file for each; in microseconds.
        let words = version == 2 ? [file] : [file, "\(directory)/cpu.cfs_period_us"]
        let numbers = words.flatMap { kernel.lines(of: $0).first?.split(separator: " ") ?? [] }.map { Int($0) ?? 0 }
        // `max` and -1 mean no limit.
        guard numbers.count == 2, numbers.allSatisfy({ $0 > 0 }), let group = kernel.group(of: directory) else {
            return nil
        }
        return ProcessorQuota(processors: Double(numbers[0]) / Double(numbers[1]), group: group, file: file)
    }

    private func exists(_ directory: String) -> Bool { kernel.group(of: directory) != nil }
}
