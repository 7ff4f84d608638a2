internal import Synchronization

/// The latest activity of this rank, which the watchdog reports when a job stalls.
///
/// Recorded without locks, so that a thread can read it while all others hang; a reader may see a mix of two consecutive
/// states. Names are static strings, of which only the address is stored.
package enum Progress {
    /// The activity of a rank at one moment.
    package struct State: Sendable, Equatable, Codable {
        /// Incremented by every record.
        package let motions: Int
        /// The last step that started, from 1; 0 before the first.
        package let step: Int
        package let phase: String
        /// The last collective call.
        package let call: String
        /// The number of collective calls that started.
        package let calls: Int
        /// Whether the last one has not returned.
        package let isInCall: Bool
        /// The round of that call that the rank has reached.
        ///
        /// A transfer of messages has two: in the first, the rank receives; in the second, all it has sent is received.
        package let round: Int
        /// The rank whose message it waits for, or that has not received one; nil if only MPI knows.
        package let awaited: Int?
        /// The round that rank must reach to have sent its message, or to receive one.
        package let awaitedRound: Int

        /// Creates a state from its values.
        package init(
            motions: Int,
            step: Int,
            phase: String,
            call: String,
            calls: Int,
            isInCall: Bool,
            round: Int = 0,
            awaited: Int? = nil,
            awaitedRound: Int = 0
        ) {
            (self.motions, self.step, self.phase) = (motions, step, phase)
            (self.call, self.calls, self.isInCall) = (call, calls, isInCall)
            (self.round, self.awaited, self.awaitedRound) = (round, awaited, awaitedRound)
        }
    }

    private static let motions = Atomic<Int>(0)
    private static let step = Atomic<Int>(0)
    private static let phase = Atomic<UInt>(0)
    private static let call = Atomic<UInt>(0)
    private static let started = Atomic<Int>(0)
    private static let ended = Atomic<Int>(0)
    private static let currentRound = Atomic<Int>(0)
    private static let awaited = Atomic<Int>(-1)
    private static let awaitedRound = Atomic<Int>(0)

    /// Records progress; long work calls it repeatedly.
    package static func move() { motions.wrappingAdd(1, ordering: .relaxed) }

    /// Records the start of a phase, and of a step if `number` is not nil.
    package static func enter(_ name: StaticString, step number: Int? = nil) {
        phase.store(UInt(bitPattern: name.utf8Start), ordering: .relaxed)
        if let number { step.store(number, ordering: .relaxed) }
        move()
    }

    /// Runs a collective call and records its start and its end.
    static func during<R>(_ name: StaticString, _ body: () throws -> R) rethrows -> R {
        call.store(UInt(bitPattern: name.utf8Start), ordering: .relaxed)
        currentRound.store(0, ordering: .relaxed)
        note(awaited: -1, since: 0)
        started.wrappingAdd(1, ordering: .relaxed)
        move()
        defer {
            ended.wrappingAdd(1, ordering: .relaxed)
            move()
        }
        return try body()
    }

    /// The round that the last collective call has reached; 0 before the first.
    static var round: Int { currentRound.load(ordering: .relaxed) }

    /// Records that the last collective call has reached a round.
    static func enterRound(_ round: Int) {
        currentRound.store(round, ordering: .relaxed)
        move()
    }

    /// Records the rank that this one waits for, and the round that rank must reach.
    static func note(awaited rank: Int, since round: Int) {
        awaited.store(rank, ordering: .relaxed)
        awaitedRound.store(round, ordering: .relaxed)
    }

    /// The current activity of this rank.
    package static var state: State {
        let calls = started.load(ordering: .relaxed)
        let other = awaited.load(ordering: .relaxed)
        return State(
            motions: motions.load(ordering: .relaxed),
            step: step.load(ordering: .relaxed),
            phase: text(phase),
            call: String(text(call).prefix(while: { $0 != "(" })),
            calls: calls,
            isInCall: ended.load(ordering: .relaxed) < calls,
            round: round,
            awaited: other < 0 ? nil : other,
            awaitedRound: awaitedRound.load(ordering: .relaxed)
        )
    }

    private static func text(_ address: borrowing Atomic<UInt>) -> String {
        UnsafePointer<CChar>(bitPattern: address.load(ordering: .relaxed)).map { String(cString: $0) } ?? ""
    }
}
