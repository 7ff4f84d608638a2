internal import Synchronization

/// What this rank last did, for whoever asks why nothing moves.
///
/// Noted without locks, so that a thread can read it while all others hang; what is read of one moment may be mixed with
/// the next. Names are static strings, of which only the address is kept.
package enum Progress {
    /// What a rank does, at one moment.
    package struct State: Sendable, Equatable, Codable {
        /// Rises with every note.
        package let motions: Int
        /// The last step that was begun, from 1; 0 before the first.
        package let step: Int
        package let phase: String
        /// The last collective call.
        package let call: String
        /// Collective calls that were begun.
        package let calls: Int
        /// Whether the last has not ended.
        package let isInCall: Bool
        /// The last round of that call to which it has come.
        ///
        /// An exchange of messages counts two: in the first, all that comes is taken; in the second, all is sent and taken.
        package let round: Int
        /// The rank whose message it waits for, or that does not take one; nil where MPI knows alone.
        package let awaited: Int?
        /// The round in which that rank has sent it, or takes one.
        package let awaitedRound: Int

        /// A rank that does this.
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
    private static let begun = Atomic<Int>(0)
    private static let ended = Atomic<Int>(0)
    private static let currentRound = Atomic<Int>(0)
    private static let awaited = Atomic<Int>(-1)
    private static let awaitedRound = Atomic<Int>(0)

    /// Notes that some work is done, as long work does again and again.
    package static func move() { motions.wrappingAdd(1, ordering: .relaxed) }

    /// Notes that another phase begins, in the same step where none is given.
    package static func enter(_ name: StaticString, step number: Int? = nil) {
        phase.store(UInt(bitPattern: name.utf8Start), ordering: .relaxed)
        if let number { step.store(number, ordering: .relaxed) }
        move()
    }

    /// Runs a collective call, and notes its begin and its end.
    static func during<R>(_ name: StaticString, _ body: () throws -> R) rethrows -> R {
        call.store(UInt(bitPattern: name.utf8Start), ordering: .relaxed)
        currentRound.store(0, ordering: .relaxed)
        note(awaited: -1, since: 0)
        begun.wrappingAdd(1, ordering: .relaxed)
        move()
        defer {
            ended.wrappingAdd(1, ordering: .relaxed)
            move()
        }
        return try body()
    }

    /// The round of messages that the last collective call has come to; 0 before the first.
    static var round: Int { currentRound.load(ordering: .relaxed) }

    /// Notes that the last collective call has come to this round.
    static func enterRound(_ round: Int) {
        currentRound.store(round, ordering: .relaxed)
        move()
    }

    /// Notes for which rank this one waits, and the round in which that has sent its message, or takes one.
    static func note(awaited rank: Int, since round: Int) {
        awaited.store(rank, ordering: .relaxed)
        awaitedRound.store(round, ordering: .relaxed)
    }

    /// What this rank does now.
    package static var state: State {
        let calls = begun.load(ordering: .relaxed)
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
