package import Collectives

/// One rank of a job, as all ranks know it.
package struct JobMember: Sendable {
    package let rank: Int
    package let host: String
    package let process: Int32
    /// Whether it sees the output directory, where it leaves word.
    package let seesOutput: Bool

    /// A rank of that number, host and process.
    package init(rank: Int, host: String, process: Int32, seesOutput: Bool = true) {
        (self.rank, self.host, self.process, self.seesOutput) = (rank, host, process, seesOutput)
    }

    /// What messages call it.
    package var name: String { "rank \(rank) on \(host) (process \(process))" }
}

/// What a rank last did, as it leaves word of it for the others.
package struct StallRecord: Codable, Sendable, Equatable {
    /// Rises with each word, also where nothing has moved.
    package let beat: Int
    package let state: Progress.State
    /// For how long nothing has moved there, in seconds.
    package let seconds: Double

    /// A word that the rank is in `state` for so long.
    package init(_ state: Progress.State, beat: Int, seconds: Double) {
        (self.state, self.beat, self.seconds) = (state, beat, seconds)
    }

    /// What it does, in words.
    package var text: String {
        let place = state.step > 0 ? "step \(state.step), \(state.phase)" : state.phase
        let other = state.awaited.map { " with rank \($0)" } ?? ""
        let number = "collective call \(state.calls),"
        let last = state.isInCall ? "in \(state.call)\(other), \(number)" : "after \(number)"
        return "\(place), \(last) for \(Int(seconds.rounded())) s"
    }
}

/// Which ranks hold up a job in which nothing moves.
package enum StallVerdict {
    /// What is to be told, in one line.
    ///
    /// - Parameters:
    ///   - event: What has happened; nil for that nothing has moved for the timeout.
    ///   - connected: A rank that the launcher hears: of two that do not hear each other, the other one is cut off.
    ///   - words: The last word of each rank that has left one.
    ///   - heard: Ranks whose word was renewed while they were watched: their processes run.
    ///   - place: Where the words are.
    package static func text(
        members: [JobMember],
        words: [Int: StallRecord],
        heard: Set<Int>,
        timeout: Double,
        place: String,
        event: String? = nil,
        connected: Int? = nil
    ) -> String {
        var parts: [String] = []
        let silent = members.filter { $0.seesOutput && !heard.contains($0.rank) }
        if !silent.isEmpty {
            parts.append("no word from \(list(silent.map(\.name))): stopped, hung up, or cut off from \(place)")
        }
        let unseen = members.filter { !$0.seesOutput }
        if !unseen.isEmpty { parts.append("\(list(unseen.map(\.name))) cannot leave word, not seeing \(place)") }
        let speaking = members.filter { heard.contains($0.rank) }
        let isComplete = silent.isEmpty && unseen.isEmpty
        let apart = isComplete ? separated(words, connected: connected) : []
        parts += behind(speaking, words, isComplete: isComplete, apart: apart)
        let remedy = "leave out a host that is at fault, and go on with --resume"
        let event = event ?? "nothing has moved for \(Int(timeout.rounded())) s"
        let whole = ([event] + parts).joined(separator: "; ")
        return "stalled: \(whole); \(place) has what each rank did last; \(remedy)"
    }

    /// The ranks for which others wait, or that all wait alike.
    private static func behind(
        _ members: [JobMember],
        _ words: [Int: StallRecord],
        isComplete: Bool,
        apart: Set<Int>
    ) -> [String] {
        let last = members.compactMap { words[$0.rank]?.state.calls }.max() ?? 0
        let late = members.filter { words[$0.rank].map { $0.state.calls < last || !$0.state.isInCall } ?? false }
        let texts = late.prefix(mostListed).map { "\($0.name): \(words[$0.rank]?.text ?? "")" }
        if !apart.isEmpty {
            let names = members.filter { apart.contains($0.rank) }.map(\.name)
            let first = members.first.flatMap { words[$0.rank]?.state }
            let place = first.map { " in \($0.call) of step \($0.step)" } ?? ""
            let whom = names.count > 1 ? "between" : "between the others and"
            return ["no message passes \(whom) \(list(names))\(place): look at the network there"]
        }
        guard late.isEmpty else { return ["not come to collective call \(last): \(list(texts, of: late.count))"] }
        guard let first = members.first, let word = words[first.rank]?.state else { return [] }
        let whose = isComplete ? "all ranks are" : "the others are"
        let fault = isComplete ? ": look at the network between their hosts" : ""
        return ["\(whose) in \(word.call), collective call \(last), of step \(word.step)\(fault)"]
    }

    /// The ranks with which most messages are overdue: those that are cut off where all run, and wait.
    ///
    /// A message is overdue where the other rank has come to the round in which it has sent it, or takes it, so that no
    /// delay there explains the wait.
    static func separated(_ words: [Int: StallRecord], connected: Int? = nil) -> Set<Int> {
        guard words.values.allSatisfy(\.state.isInCall) else { return [] }
        var overdue: [Int: Int] = [:]
        for (rank, word) in words {
            guard let other = word.state.awaited, let end = words[other]?.state else { continue }
            guard (end.calls, end.round) >= (word.state.calls, word.state.awaitedRound) else { continue }
            overdue[rank, default: 0] += 1
            overdue[other, default: 0] += 1
        }
        let most = overdue.values.max() ?? 0
        let apart = Set(overdue.filter { $0.value == most }.keys)
        return connected.map { apart.count > 1 ? apart.subtracting([$0]) : apart } ?? apart
    }

    /// As many as a line holds.
    private static let mostListed = 8

    private static func list(_ texts: [String], of count: Int? = nil) -> String {
        let more = (count ?? texts.count) - min(texts.count, mostListed)
        return texts.prefix(mostListed).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
