internal import CKernels
internal import CMPI

/// The share of its host that a rank uses.
///
/// This decides the number of threads of every command that gets none: the processors that the rank may run on, limited by
/// the CPU quotas of its control groups, each divided by the ranks of the host that share it.
package struct HostShare: Sendable, Equatable {
    /// A quota and the ranks of the host that share it.
    package struct SharedQuota: Sendable, Equatable {
        package let quota: ProcessorQuota
        /// At least 1.
        package let ranks: Int

        /// A quota that `ranks` ranks share.
        package init(_ quota: ProcessorQuota, ranks: Int) {
            (self.quota, self.ranks) = (quota, ranks)
        }

        /// The quota of one rank, in processors.
        package var share: Double { quota.processors / Double(ranks) }
    }

    /// The ranks on the host, at least 1.
    package let ranks: Int
    /// The processors for this rank: each that it may run on, divided by the ranks of the host that may run there, but at most
    /// its share of each quota; rounded down, and at least 1.
    package let processors: Int
    /// The processors that all ranks of the host may use together: the sum of their shares before rounding, rounded down, and
    /// at least 1.
    package internal(set) var hostProcessors: Int
    /// The processors that at least one rank of the host may run on, whatever quotas grant; at least 1.
    package internal(set) var hostAllowed: Int
    /// The quota that limits this rank to less than the processors that it may run on; nil for none.
    package let quota: SharedQuota?

    /// A share before it is rounded down.
    let exact: Double

    /// A sum of fractions such as 1/3 may round to slightly less than a whole number.
    private static let rounding = 1e-6

    /// The share of a rank, from the ranks that may run on each of its processors and those that share each quota.
    package init(ranks: Int, ranksByProcessor: [Int], quotas: [SharedQuota] = []) {
        self.ranks = ranks
        let allowed = ranksByProcessor.reduce(0) { $0 + 1 / Double($1) }
        let lowest = quotas.min { $0.share < $1.share }
        quota = lowest.flatMap { $0.share < allowed - Self.rounding ? $0 : nil }
        exact = min(allowed, lowest?.share ?? allowed)
        processors = Self.whole(exact)
        hostProcessors = Self.whole(exact * Double(ranks))
        hostAllowed = max(1, ranksByProcessor.count)
    }

    private static func whole(_ processors: Double) -> Int { max(1, Int(processors + rounding)) }

    /// The share of a process that is alone.
    ///
    /// - Parameter root: The directory that contains the `/proc` and `/sys` of its control groups.
    package static func ofOneProcess(root: String = "/") -> HostShare {
        let quotas = ControlGroups(root: root).quotas.map { SharedQuota($0, ranks: 1) }
        return HostShare(ranks: 1, ranksByProcessor: allowedProcessors.filter { $0 > 0 }, quotas: quotas)
    }

    /// Counts the ranks on this rank's host, those on each of its processors, and those that share each of its quotas; all
    /// ranks call it.
    ///
    /// MPI knows the host's ranks for any launcher, and the kernel the processors that each is bound to. Two ranks share a
    /// control group if its inode is the same: ranks of one mpirun do, tasks of a Slurm step may have a group each.
    static func measure(rank: Int, size: Int) throws -> HostShare {
        let own = allowedProcessors
        var (counts, ranks) = (own.map { Int32($0) }, [Int32(1)])
        try sumOverHost(&ranks, rank: rank)
        try sumOverHost(&counts, rank: rank)
        let shared = zip(own, counts).filter { $0.0 > 0 }.map { Int($0.1) }
        let quotas = try countSharing(ControlGroups().quotas, rank: rank, size: size)
        var share = HostShare(ranks: Int(ranks[0]), ranksByProcessor: shared, quotas: quotas)
        var millionths = [Int32((share.exact * 1e6).rounded())]
        try sumOverHost(&millionths, rank: rank)
        share.hostAllowed = max(1, counts.count { $0 > 0 })
        share.hostProcessors = whole((Double(millionths[0]) / 1e6 * 1e3).rounded() / 1e3)
        return share
    }

    /// Counts for each of this rank's quotas the ranks of the host that have it too.
    private static func countSharing(_ own: [ProcessorQuota], rank: Int, size: Int) throws -> [SharedQuota] {
        var counts = [Int32](repeating: 0, count: size)
        counts[rank] = Int32(own.count)
        try sumOverHost(&counts, rank: rank)
        // Each rank fills in its groups after those of the lower ranks of its host.
        let start = counts[..<rank].reduce(0) { $0 + Int($1) }
        let total = counts.reduce(0) { $0 + Int($1) }
        guard total > 0 else { return [] }
        var words = [Int32](repeating: 0, count: total * wordsOfGroup)
        for (index, quota) in own.enumerated() {
            for (offset, word) in Self.words(of: quota.group).enumerated() {
                words[(start + index) * wordsOfGroup + offset] = word
            }
        }
        try sumOverHost(&words, rank: rank)
        let all = (0..<total).map { Array(words[$0 * wordsOfGroup..<($0 + 1) * wordsOfGroup]) }
        return own.map { quota in
            let wanted = Self.words(of: quota.group)
            return SharedQuota(quota, ranks: all.count { $0 == wanted })
        }
    }

    private static let wordsOfGroup = 4

    private static func words(of group: ProcessorQuota.Group) -> [Int32] {
        [group.device, group.inode].flatMap { number in
            [Int32(truncatingIfNeeded: number), Int32(truncatingIfNeeded: number >> 32)]
        }
    }

    private static func sumOverHost(_ values: inout [Int32], rank: Int) throws {
        let code = cmpi_host_sum_int(&values, values.count)
        guard code == 0 else { throw CollectiveError(code: code, call: "MPI_Comm_split_type", rank: rank) }
    }

    /// For each processor 1 if the scheduler may run this process on it, else 0.
    private static var allowedProcessors: [Int] {
        var marks = [Int32](repeating: 0, count: EK_MOST_PROCESSORS)
        ek_mark_allowed_processors(&marks)
        return marks.map { Int($0) }
    }
}
