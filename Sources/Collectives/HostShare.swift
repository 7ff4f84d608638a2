internal import CKernels
internal import CMPI

/// The share of its host that a rank uses.
package struct HostShare: Sendable, Equatable {
    /// The ranks on the host, at least 1.
    package let ranks: Int
    /// The processors for this rank: each that it may run on, divided by the ranks of the host that may run there; rounded
    /// down, and at least 1.
    package let processors: Int

    /// The share of a rank, from the ranks that may run on each of its processors.
    package init(ranks: Int, ranksByProcessor: [Int]) {
        self.ranks = ranks
        // A sum of fractions such as 1/3 may round to slightly less than a whole number.
        let rounding = 1e-6
        processors = max(1, Int(ranksByProcessor.reduce(rounding) { $0 + 1 / Double($1) }))
    }

    /// The share of a process that is alone.
    static var ofOneProcess: HostShare { HostShare(ranks: 1, ranksByProcessor: allowedProcessors.filter { $0 > 0 }) }

    /// Counts the ranks on this rank's host, and those on each of its processors; all ranks call it.
    ///
    /// MPI knows the host's ranks for any launcher, and the kernel knows the processors that each is bound to.
    static func measure(rank: Int) throws -> HostShare {
        let own = allowedProcessors
        var (counts, ranks) = (own.map { Int32($0) }, Int32(1))
        for code in [cmpi_host_sum_int(&ranks, 1), cmpi_host_sum_int(&counts, counts.count)] where code != 0 {
            throw CollectiveError(code: code, call: "MPI_Comm_split_type", rank: rank)
        }
        let shared = zip(own, counts).filter { $0.0 > 0 }.map { Int($0.1) }
        return HostShare(ranks: Int(ranks), ranksByProcessor: shared)
    }

    /// For each processor 1 if the scheduler may run this process on it, else 0.
    private static var allowedProcessors: [Int] {
        var marks = [Int32](repeating: 0, count: EK_MOST_PROCESSORS)
        ek_mark_allowed_processors(&marks)
        return marks.map { Int($0) }
    }
}
