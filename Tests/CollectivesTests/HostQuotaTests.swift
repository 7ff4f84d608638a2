internal import Collectives
internal import Testing

/// A rank's share of its host where quotas limit it.
struct HostQuotaTests {
    private func quota(_ processors: Double, ranks: Int, group: UInt64 = 1) -> HostShare.SharedQuota {
        let group = ProcessorQuota.Group(device: 1, inode: group)
        return HostShare.SharedQuota(ProcessorQuota(processors: processors, group: group, file: "/q"), ranks: ranks)
    }

    @Test("a quota is divided by the ranks that share it, rounded down, and gives at least one processor")
    func divided() {
        func processors(_ quotas: [HostShare.SharedQuota], ranks: Int = 1, on count: Int = 8) -> Int {
            HostShare(ranks: ranks, ranksByProcessor: Array(repeating: ranks, count: count), quotas: quotas).processors
        }
        #expect(processors([quota(1.5, ranks: 1)], on: 2) == 1)
        #expect(processors([quota(0.2, ranks: 1)]) == 1)
        #expect(processors([quota(3, ranks: 1)]) == 3)
        // One group for both ranks, then one for each.
        #expect(processors([quota(3, ranks: 2)], ranks: 2) == 1)
        #expect(processors([quota(3, ranks: 1)], ranks: 2) == 3)
        // A task of two processors in a job of three, for two ranks; more than the processors.
        #expect(processors([quota(2, ranks: 1), quota(3, ranks: 2, group: 2)], ranks: 2) == 1)
        #expect(processors([quota(9, ranks: 1)]) == 8)
        // Thirds that do not sum up exactly.
        #expect(processors([quota(2.1, ranks: 3), quota(6, ranks: 3, group: 2)], ranks: 3, on: 24) == 1)
        #expect(processors([quota(6, ranks: 3)], ranks: 3, on: 24) == 2)
    }

    @Test("the quota that decides is named, one above the processors is not")
    func named() {
        let low = quota(2.5, ranks: 1)
        let share = HostShare(ranks: 1, ranksByProcessor: [1, 1, 1], quotas: [quota(2.9, ranks: 1, group: 2), low])
        #expect(share.quota == low)
        #expect(HostShare(ranks: 1, ranksByProcessor: [1, 1], quotas: [low]).quota == nil)
        #expect(HostShare(ranks: 1, ranksByProcessor: [1, 1], quotas: [quota(2, ranks: 1)]).quota == nil)
        #expect(HostShare(ranks: 1, ranksByProcessor: [1, 1]).quota == nil)
    }

    @Test("the ranks of a host together may use the sum of their shares")
    func together() {
        #expect(HostShare(ranks: 2, ranksByProcessor: [2, 2, 2]).hostProcessors == 3)
        #expect(HostShare(ranks: 3, ranksByProcessor: Array(repeating: 3, count: 7)).hostProcessors == 7)
        #expect(HostShare(ranks: 2, ranksByProcessor: [2, 2, 2], quotas: [quota(2.5, ranks: 2)]).hostProcessors == 2)
        #expect(HostShare(ranks: 2, ranksByProcessor: [2, 2, 2], quotas: [quota(2.5, ranks: 2)]).hostAllowed == 3)
    }
}
