internal import Collectives
internal import Compute
internal import Foundation
internal import Reporting
internal import Training

/// Checks of the processors, and of what decides how many of them a rank uses.
extension Diagnosis {
    var processor: Finding {
        let count = ProcessInfo.processInfo.processorCount
        switch Processor.level {
        case .avx512: return Finding("processor", .sound, "AVX-512, \(count) processors")
        case .halvedAVX512: return Finding("processor", .sound, "AVX-512 in two halves, \(count) processors")
        case .avx2: return Finding("processor", .sound, "AVX2, \(count) processors")
        case .baseline, .other:
            return Finding(
                "processor",
                .warning,
                "no AVX2, \(count) processors",
                remedy: "matrix products run at a quarter of a newer processor's speed; in a virtual machine, expose "
                    + "the host's processor model"
            )
        }
    }

    var kernels: Finding {
        let name = OpenBLASCore.name
        let found = "OpenBLAS uses those for \(name)"
        guard let core = OpenBLASCore.remedy(for: name, level: Processor.level) else {
            return Finding("kernels", .sound, found)
        }
        return Finding(
            "kernels",
            OpenBLASCore.isFallback(name) ? .fault : .warning,
            "\(found); those for \(core) are faster here",
            remedy: environment[OpenBLASCore.variable] == nil
                ? "start with \(OpenBLASCore.variable)=\(core)"
                : "unset \(OpenBLASCore.variable), or set it to \(core)"
        )
    }

    /// Compares the ranks' FLOP/s per thread, measured while all ranks compute.
    static func comparison(ofRatesPerThread rates: [Double]) -> Finding {
        let (slowest, fastest) = (rates.min() ?? 0, rates.max() ?? 0)
        let (low, high) = (rounded(slowest / 1e9, 0), rounded(fastest / 1e9, 0))
        let found = "matrix products at \(low == high ? low : "\(low) to \(high)") GFLOP/s per thread"
        guard slowest < 0.75 * fastest, let rank = rates.firstIndex(of: slowest) else {
            return Finding("rate", .sound, found)
        }
        return Finding(
            "rate",
            .warning,
            "\(found), the lowest on rank \(rank)",
            remedy: "every step waits for the slowest rank: stop other programs on its host, or exclude the host"
        )
    }

    /// The threads of this rank, and those of its host, compared with the processors that they may run on.
    var binding: Finding {
        let available = Processor.availableCount
        let all = ProcessInfo.processInfo.processorCount
        let ranks = counted(localRanks, "rank")
        let found = "\(counted(threads, "thread")) on \(available) of \(all) processors, \(ranks) on this host"
        if threads > available {
            let other = "mpirun --bind-to none, or --map-by ppr:1:numa:pe=\(threads) --bind-to core"
            let remedy = available < all ? other : "--threads \(max(1, available / localRanks)), or omit it"
            return Finding(
                "binding",
                .fault,
                found,
                remedy: "the threads of a rank would share processors: use \(remedy)"
            )
        }
        guard let complaint = use.complaint else { return Finding("binding", .sound, found) }
        return Finding("binding", .warning, "\(found); in all \(complaint.found)", remedy: complaint.remedy)
    }

    /// The CPU quota, if one limits this rank.
    var quota: Finding? {
        guard let shared = communicator.hostShare.quota else { return nil }
        return Self.finding(of: shared, threads: threads)
    }

    /// Compares a quota with the threads of a rank.
    static func finding(of shared: HostShare.SharedQuota, threads: Int) -> Finding {
        let amount = "\(rounded(shared.quota.processors, 2)) processors for \(counted(shared.ranks, "rank"))"
        let found =
            "the control group grants the time of \(amount) (\(shared.quota.file)): \(counted(threads, "thread"))"
        let most = max(1, Int(shared.share + 1e-6))
        guard threads > most else { return Finding("quota", .sound, found) }
        return Finding(
            "quota",
            .warning,
            found,
            remedy:
                "the kernel stops threads that use up the quota: omit --threads, use --threads \(most), or raise the quota"
        )
    }

    /// The processors that the job was granted on this host, compared with those in use.
    ///
    /// Nil if nothing is wrong with what no batch system granted.
    var grant: Finding? {
        guard let grant = ProcessorGrant.find(variables: environment, ranks: localRanks) else { return nil }
        let (found, remedy) = use.comparison(with: grant, host: KernelFiles())
        guard grant.isOfBatchSystem || remedy != nil else { return nil }
        return Finding("granted", remedy == nil ? .sound : .warning, found, remedy: remedy)
    }
}
