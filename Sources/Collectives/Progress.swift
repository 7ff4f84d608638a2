internal import Synchronization

/// What this rank last did, for whoever asks why nothing moves.
///
/// Noted without locks, so that a thread can read it while all others hang; what is read of one moment may be mixed with
/// the next. Names are static strings, of which only the address is kept.
package enum Progress {
    /// What a rank does, at one moment.
    package struct State: Sendable, Equatable {
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

        /// A rank that does this.
        package init(motions: Int, step: Int, phase: String, call: String, calls: Int, isInCall: Bool) {
            (self.motions, self.step, self.phase) = (motions, step, phase)
            (self.call, self.calls, self.isInCall) = (call, calls, isInCall)
        }
    }

    private static let motions = Atomic<Int>(0)
    private static let step = Atomic<Int>(0)
    private static let phase = Atomic<UInt>(0)
    private static let call = Atomic<UInt>(0)
    private static let begun = Atomic<Int>(0)
    private static let ended = Atomic<Int>(0)

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
        begun.wrappingAdd(1, ordering: .relaxed)
        move()
        defer {
            ended.wrappingAdd(1, ordering: .relaxed)
            move()
        }
        return try body()
    }

    /// What this rank does now.
    package static var state: State {
        let calls = begun.load(ordering: .relaxed)
        return State(
            motions: motions.load(ordering: .relaxed),
            step: step.load(ordering: .relaxed),
            phase: text(phase),
            call: String(text(call).prefix(while: { $0 != "(" })),
            calls: calls,
            isInCall: ended.load(ordering: .relaxed) < calls
        )
    }

    private static func text(_ address: borrowing Atomic<UInt>) -> String {
        UnsafePointer<CChar>(bitPattern: address.load(ordering: .relaxed)).map { String(cString: $0) } ?? ""
    }
}
