package import Collectives
internal import Foundation
internal import Reporting

/// How the ranks of one host use its processors.
package struct ProcessorUse: Sendable, Equatable {
    /// The ranks on the host.
    package let ranks: Int
    /// The threads of all of them together.
    package let threads: Int
    /// The processors that they may use together, limited by their binding and by quotas.
    package let processors: Int
    /// The processors that they may run on together, whatever quotas grant.
    package let allowed: Int
    /// Whether a setting gives the number of threads; otherwise each rank has as many as its share of the processors.
    package let isChosen: Bool

    /// The use of `processors` processors by `threads` threads of `ranks` ranks.
    ///
    /// - Parameter allowed: The processors without quotas; nil for the same.
    package init(ranks: Int, threads: Int, processors: Int, allowed: Int? = nil, isChosen: Bool) {
        (self.ranks, self.threads, self.processors, self.isChosen) = (ranks, threads, processors, isChosen)
        self.allowed = allowed ?? processors
    }

    /// The use of each rank's host, in rank order; collective.
    ///
    /// - Parameters:
    ///   - wanted: The setting of threads per rank; 0 for the rank's share.
    package static func measure(_ wanted: Int, on communicator: any Communicator) throws -> [ProcessorUse] {
        let leaders = try communicator.hostLeaders()
        let (rank, size, share) = (communicator.rank, communicator.size, communicator.hostShare)
        var values = [Double](repeating: 0, count: 3 * size)
        values[rank] = Double(threadCount(wanted, on: communicator))
        values[size + rank] = Double(share.hostProcessors)
        values[2 * size + rank] = Double(share.hostAllowed)
        let all = try communicator.sum(values)
        return (0..<size).map { rank in
            let local = (0..<size).filter { leaders[$0] == leaders[rank] }
            return ProcessorUse(
                ranks: local.count,
                threads: local.reduce(0) { $0 + Int(all[$1]) },
                processors: Int(all[size + rank]),
                allowed: Int(all[2 * size + rank]),
                isChosen: wanted > 0
            )
        }
    }

    /// Processors without a thread; 0 if a setting gives the number of threads.
    package var idle: Int { isChosen ? 0 : max(0, processors - threads) }

    /// Whether threads share processors.
    package var isExcessive: Bool { threads > processors }

    /// What is wrong, with the remedy; nil if each processor has one thread.
    package var complaint: (found: String, remedy: String)? {
        let found = "\(number(threads, "thread")) of \(number(ranks, "rank")) on \(number(processors, "processor"))"
        if isExcessive {
            let most = max(1, processors / ranks)
            let remedy = ranks > processors ? "start at most \(number(processors, "rank"))" : "use --threads \(most)"
            return ("\(found): threads that share a processor wait for each other", remedy)
        }
        guard idle > 0 else { return nil }
        let divisors = (1...processors).filter { processors % $0 == 0 }
        let near = [divisors.last { $0 < ranks }, divisors.first { $0 > ranks }].compactMap { $0 }.map { "\($0)" }
        let remedy = "start \(near.joined(separator: " or ")) ranks on a host, which divide them"
        return ("\(found): \(number(idle, "processor")) idle", remedy)
    }

    /// Prints a line on rank 0 for the first host whose threads do not fit its processors, and one if the ranks of rank 0's
    /// host are bound to fewer processors than the job was granted; collective.
    package static func report(_ wanted: Int, on communicator: any Communicator) throws {
        let uses = try measure(wanted, on: communicator)
        guard communicator.rank == 0 else { return }
        if let rank = uses.firstIndex(where: { $0.complaint != nil }), let complaint = uses[rank].complaint {
            let place = uses.count > uses[rank].ranks ? " on the host of rank \(rank)" : ""
            printNotice("warning: \(complaint.found)\(place); \(complaint.remedy)")
        }
        let variables = ProcessInfo.processInfo.environment
        // Threads that the user chose may be fewer on purpose.
        guard wanted == 0, let grant = ProcessorGrant.find(variables: variables, ranks: uses[0].ranks) else { return }
        let (found, remedy) = uses[0].comparison(with: grant, host: KernelFiles())
        if let remedy { printNotice("warning: \(found); \(remedy)") }
    }

    func number(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
