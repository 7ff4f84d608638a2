internal import Collectives
internal import Compute
internal import Configuration
internal import Foundation
internal import Reporting
internal import Training

/// Checks of the processors, and of what decides how many of them a rank uses.
extension Diagnosis {
    var processor: Finding {
        let count = ProcessInfo.processInfo.processorCount
        let found = "\(bfloat16Instructions), \(count) processors"
        switch Processor.level {
        case .avx512: return Finding("processor", .sound, "AVX-512\(found)")
        case .halvedAVX512: return Finding("processor", .sound, "AVX-512 in two halves\(found)")
        case .avx2: return Finding("processor", .sound, "AVX2\(found)")
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

    /// The instructions for products of bfloat16, each after a comma.
    private var bfloat16Instructions: String {
        (Processor.hasAVX512BFloat16 ? ", AVX512-BF16" : "") + (Processor.hasAMXBFloat16 ? ", AMX-BF16" : "")
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

    /// Compares the ranks' FLOP/s per thread in registers, measured while all ranks compute, and reports the other rates.
    ///
    /// - Parameter isOneHost: Whether all ranks run on one host, which cannot be excluded.
    static func comparison(ofRatesPerThread rates: [PeakRate], isOneHost: Bool) -> Finding {
        let limits = rates.map(\.limit)
        let bfloat16 = rates.compactMap(\.bfloat16)
        let found =
            "\(gigaflops(limits)) GFLOP/s per thread in registers"
            + (bfloat16.isEmpty ? "" : ", \(gigaflops(bfloat16)) in bfloat16")
            + "; OpenBLAS's products at \(gigaflops(rates.map(\.library)))"
        let (slowest, fastest) = (limits.min() ?? 0, limits.max() ?? 0)
        guard slowest < 0.75 * fastest, let rank = limits.firstIndex(of: slowest) else {
            return Finding("rate", .sound, found)
        }
        let others = "stop other programs on \(isOneHost ? "this host" : "its host, or exclude the host")"
        return Finding(
            "rate",
            .warning,
            "\(found), the lowest on rank \(rank)",
            remedy: "every step waits for the slowest rank: \(others)"
        )
    }

    /// Reports how products with weights are computed, with the measured rates of all ranks together; collective.
    static func products(_ team: ThreadTeam, _ communicator: any Communicator) throws -> Finding {
        do {
            return finding(of: try ProductChoice.make(.auto, team: team, communicator: communicator))
        } catch let failure as RankFailure {
            return Finding("products", .fault, failure.message, remedy: "set \(ProductChoice.variable) so, or unset it")
        }
    }

    private static func finding(of choice: ProductChoice) -> Finding {
        let rates = choice.rates.map { "\($0.products.name) \(rounded($0.rate / 1e9, 0))" }.joined(separator: ", ")
        let measured = rates.isEmpty ? "set by \(ProductChoice.variable)" : "\(rates) GFLOP/s on all ranks"
        let amx = Processor.hasAMXBFloat16 ? "; AMX is untested on real processors: please report its results" : ""
        let reason = choice.absence.map { "; \($0)" } ?? ""
        let taken = "\(choice.precision.rawValue) by \(choice.products.name)"
        let found = "--precision auto takes \(taken) (\(measured)\(reason))\(amx)"
        guard rates.isEmpty else { return Finding("products", .sound, found) }
        let remedy = "unset \(ProductChoice.variable), unless you compare methods"
        return Finding("products", .warning, found, remedy: remedy)
    }

    /// The range of rates, as one number if they round to the same.
    private static func gigaflops(_ rates: [Double]) -> String {
        let (low, high) = (rounded((rates.min() ?? 0) / 1e9, 0), rounded((rates.max() ?? 0) / 1e9, 0))
        return low == high ? low : "\(low) to \(high)"
    }

    /// The threads of this rank, and those of its host, compared with the processors that they may run on.
    var binding: Finding {
        let available = Processor.availableCount
        let all = ProcessInfo.processInfo.processorCount
        let ranks = counted(localRanks, "rank")
        let found = "\(counted(threads, "thread")) on \(available) of \(all) processors, \(ranks) on this host"
        if threads > available {
            let other = MPILibrary.built.binding(threads: threads)
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
