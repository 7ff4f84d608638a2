internal import Collectives
internal import Formats
internal import Foundation
internal import Reporting
internal import ScalingStudy
internal import SystemPackage

extension Diagnosis {
    /// Compares the properties that all ranks of a job must share; empty for a single rank.
    ///
    /// Every rank calls it; only rank 0 compares the clocks.
    static func comparisons(_ communicator: any Communicator) throws -> [Finding] {
        guard communicator.size > 1 else { return [] }
        let build = try communicator.agree { try Digest.sha256(ofFile: FilePath("/proc/self/exe")) }
        let builds = try (0..<communicator.size).map { try communicator.broadcast(build, root: $0) }
        // All ranks leave a barrier within far less than the second that matters.
        try communicator.barrier()
        let now = [Date().timeIntervalSince1970]
        let clocks = try communicator.gather(now.span, root: 0)
        return [comparison(ofBuilds: builds), comparison(ofClocks: clocks ?? now)]
    }

    /// Compares the digests of the ranks' programs.
    static func comparison(ofBuilds builds: [String]) -> Finding {
        guard let rank = builds.firstIndex(where: { $0 != builds[0] }) else {
            return Finding("build", .sound, "the same program on all ranks")
        }
        return Finding(
            "build",
            .fault,
            "rank \(rank) runs a different program than rank 0",
            remedy: "put espalier on a file system that all hosts share, or copy it to each host again"
        )
    }

    /// Compares the ranks' clocks, read at the same moment, in seconds.
    static func comparison(ofClocks clocks: [Double]) -> Finding {
        let offsets = clocks.map { abs($0 - clocks[0]) }
        let largest = offsets.max() ?? 0
        guard largest >= 1, let rank = offsets.firstIndex(of: largest) else {
            return Finding("clock", .sound, "all within a second", fluctuates: true)
        }
        return Finding(
            "clock",
            .warning,
            "rank \(rank) is \(rounded(largest, 1)) s from rank 0",
            fluctuates: true,
            remedy: "timestamps of logs and files depend on it: start a time service such as chrony on its host"
        )
    }

    /// Compares the links between hosts; those within a host are not compared, since its ranks may share cores.
    static func comparison(of links: LinkMatrix) -> Finding {
        guard links.joinsHosts, links.slowPair != nil else { return Finding("links", .sound, links.summary) }
        return Finding(
            "links",
            .warning,
            links.summary,
            remedy: "every step waits for the slowest link: `network` in the cluster file must name the addresses or "
                + "interface of the fast network on both hosts; then check cables and ports (ip -s link, ethtool)"
        )
    }
}
