package import Collectives

/// Identifies one rank of a job to all ranks.
package struct JobMember: Sendable {
    package let rank: Int
    package let host: String
    package let process: Int32
    /// Whether the rank sees the output directory, to which it writes its records.
    package let seesOutput: Bool

    /// A rank with its number, host and process.
    package init(rank: Int, host: String, process: Int32, seesOutput: Bool = true) {
        (self.rank, self.host, self.process, self.seesOutput) = (rank, host, process, seesOutput)
    }

    /// The rank's name in messages.
    package var name: String { "rank \(rank) on \(host) (process \(process))" }
}

/// A status record: the last activity of a rank, as other ranks read it.
package struct StallRecord: Codable, Sendable, Equatable {
    /// Increases with each record, also without progress.
    package let beat: Int
    package let state: Progress.State
    /// Seconds since the rank last made progress.
    package let seconds: Double

    /// A record of a rank without progress for `seconds`.
    package init(_ state: Progress.State, beat: Int, seconds: Double) {
        (self.state, self.beat, self.seconds) = (state, beat, seconds)
    }

    /// The activity as text.
    package var text: String {
        let place = state.step > 0 ? "step \(state.step), \(state.phase)" : state.phase
        let other = state.awaited.map { " with rank \($0)" } ?? ""
        let number = "collective call \(state.calls),"
        let last = state.isInCall ? "in \(state.call)\(other), \(number)" : "after \(number)"
        return "\(place), \(last) for \(Int(seconds.rounded())) s"
    }
}

/// Determines which ranks block a job without progress.
package enum StallVerdict {
    /// The message about the stall, on one line.
    ///
    /// - Parameters:
    ///   - event: What happened; nil for the timeout.
    ///   - connected: A rank that the launcher hears: if two ranks do not hear each other, the other one is
    ///     disconnected.
    ///   - records: The last record of each rank that wrote one.
    ///   - heard: Ranks that renewed their record during the wait: their processes run.
    ///   - place: The path of the records.
    package static func text(
        members: [JobMember],
        records: [Int: StallRecord],
        heard: Set<Int>,
        timeout: Double,
        place: String,
        event: String? = nil,
        connected: Int? = nil
    ) -> String {
        var parts: [String] = []
        let silent = members.filter { $0.seesOutput && !heard.contains($0.rank) }
        if !silent.isEmpty {
            let names = list(silent.map(\.name))
            parts.append("no status record from \(names): stopped, hung, or disconnected from \(place)")
        }
        let unseen = members.filter { !$0.seesOutput }
        if !unseen.isEmpty {
            let names = list(unseen.map(\.name))
            parts.append("\(names) cannot write status records, because \(place) is not visible there")
        }
        let responding = members.filter { heard.contains($0.rank) }
        let isComplete = silent.isEmpty && unseen.isEmpty
        let separate = isComplete ? separated(records, connected: connected) : []
        parts += late(responding, records, isComplete: isComplete, separate: separate)
        let isOneHost = Set(members.map(\.host)).count == 1
        let remedy = "\(isOneHost ? "" : "exclude the host at fault, and ")continue with --resume"
        let event = event ?? "no progress for \(Int(timeout.rounded())) s"
        let whole = ([event] + parts).joined(separator: "; ")
        return "stalled: \(whole); the last activity of each rank is in \(place); \(remedy)"
    }

    /// Names the ranks for which others wait, or the call in which all wait.
    private static func late(
        _ members: [JobMember],
        _ records: [Int: StallRecord],
        isComplete: Bool,
        separate: Set<Int>
    ) -> [String] {
        let last = members.compactMap { records[$0.rank]?.state.calls }.max() ?? 0
        let late = members.filter { records[$0.rank].map { $0.state.calls < last || !$0.state.isInCall } ?? false }
        let texts = late.prefix(mostListed).map { "\($0.name): \(records[$0.rank]?.text ?? "")" }
        if !separate.isEmpty {
            let names = members.filter { separate.contains($0.rank) }.map(\.name)
            let first = members.first.flatMap { records[$0.rank]?.state }
            let place = first.map { " in \($0.call) of step \($0.step)" } ?? ""
            let whom = names.count > 1 ? "between" : "between the others and"
            return ["no message passes \(whom) \(list(names))\(place): check the network there"]
        }
        guard late.isEmpty else { return ["did not reach collective call \(last): \(list(texts, of: late.count))"] }
        guard let first = members.first, let record = records[first.rank]?.state else { return [] }
        let whose = isComplete ? "all ranks are" : "the others are"
        let fault = isComplete ? ": check the network between their hosts" : ""
        return ["\(whose) in \(record.call), collective call \(last), of step \(record.step)\(fault)"]
    }

    /// The ranks with the most overdue messages: the disconnected ones, if all run and wait.
    ///
    /// A message is overdue if the other rank has reached the round in which it sends or receives it, so that no delay
    /// there explains the wait.
    static func separated(_ records: [Int: StallRecord], connected: Int? = nil) -> Set<Int> {
        guard records.values.allSatisfy(\.state.isInCall) else { return [] }
        var overdue: [Int: Int] = [:]
        for (rank, record) in records {
            guard let other = record.state.awaited, let end = records[other]?.state else { continue }
            guard (end.calls, end.round) >= (record.state.calls, record.state.awaitedRound) else { continue }
            overdue[rank, default: 0] += 1
            overdue[other, default: 0] += 1
        }
        let most = overdue.values.max() ?? 0
        let ranks = Set(overdue.filter { $0.value == most }.keys)
        return connected.map { ranks.count > 1 ? ranks.subtracting([$0]) : ranks } ?? ranks
    }

    /// The number of ranks that one line lists.
    private static let mostListed = 8

    private static func list(_ texts: [String], of count: Int? = nil) -> String {
        let more = (count ?? texts.count) - min(texts.count, mostListed)
        return texts.prefix(mostListed).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
