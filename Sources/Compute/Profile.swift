internal import CKernels

/// Where a team's time goes: by phase of the computation and kind of work, with every span of time in order.
///
/// A phase is named where the team is started (`ThreadTeam.run`); the kinds of work within it record themselves, since
/// every product and kernel passes through this module. Without a profile a kernel pays for one look at a
/// thread-specific value.
package final class Profile: @unchecked Sendable {
    // Sendable: each lane is written by its thread alone, and read only while the team is idle.

    /// A kind of work.
    package enum Kind: Int, CaseIterable, Sendable {
        /// Matrix products.
        case product
        /// RMSNorm.
        case norm
        /// Rotary embedding.
        case rotary
        case swiglu
        /// Attention's tiles: their products and softmax together.
        case attention
        /// Log-sum-exp and gradient of the logits.
        case logits
        /// Copies, fills, sums, gathering and scattering.
        case copy
        /// AdamW, and the sum of squares before it.
        case update
    }

    /// What one kind of work took in one phase, over all threads.
    package struct Cost: Sendable, Equatable {
        /// Seconds of all threads together.
        package var seconds: Double
        package var calls: Int
        /// Floating-point operations of products, and of attention those that are not masked; 0 for other kinds.
        package var flops: Int
        /// Bytes of the operands, each counted as often as it is read or written.
        package var bytes: Int

        /// A cost; none where left out.
        package init(seconds: Double = 0, calls: Int = 0, flops: Int = 0, bytes: Int = 0) {
            self.seconds = seconds
            self.calls = calls
            self.flops = flops
            self.bytes = bytes
        }

        package static func += (a: inout Cost, b: Cost) {
            a.seconds += b.seconds
            a.calls += b.calls
            a.flops += b.flops
            a.bytes += b.bytes
        }
    }

    /// One phase's row of the table.
    package struct PhaseCost: Sendable {
        package let name: String
        /// Seconds between the start of the phase and its end on all threads.
        package let seconds: Double
        /// Seconds in which threads waited for the slowest, all together.
        package let idleSeconds: Double
        /// In the order of `Kind`, those that occurred.
        package let kinds: [(kind: Kind, cost: Cost)]
    }

    /// A phase as the caller of the team sees it.
    private struct Phase {
        let name: String
        /// How many threads take part.
        let threads: Int
        var seconds = 0.0
    }

    /// When the profile began, on the clock of its spans.
    let origin = ek_nanoseconds()
    let lanes: [Lane]
    /// In the order in which they first appeared.
    private var all: [Phase] = []

    /// A profile of a team of `threads`.
    ///
    /// - Parameter spanLimit: The most spans that a thread keeps for the trace; later ones are counted only.
    package init(threads: Int, spanLimit: Int = 250_000) {
        lanes = (0..<threads).map { _ in Lane(spanLimit: spanLimit) }
    }

    /// What a thread beside the team has done.
    struct Note {
        let name: String
        let start: UInt64
        let end: UInt64
        let bytes: Int
    }

    /// In the order in which they were given.
    private(set) var notes: [Note] = []

    /// Nanoseconds on the clock of spans.
    package static var now: UInt64 { ek_nanoseconds() }

    /// Adds what a thread beside the team has done, for the trace alone; called while the team is idle.
    package func note(_ name: String, start: UInt64, end: UInt64, bytes: Int) {
        notes.append(Note(name: name, start: start, end: end, bytes: bytes))
    }

    /// Runs `body`, which runs a phase on some threads.
    func time<R>(_ name: String, threads: Int, _ body: (_ phase: Int) throws -> R) rethrows -> R {
        let phase = all.firstIndex { $0.name == name } ?? all.count
        if phase == all.count { all.append(Phase(name: name, threads: threads)) }
        let start = ek_nanoseconds()
        defer { all[phase].seconds += Double(ek_nanoseconds() - start) * 1e-9 }
        return try body(phase)
    }

    /// Runs `body` as `thread`'s part of a phase.
    func record<R>(phase: Int, thread: Int, _ body: () throws -> R) rethrows -> R {
        try lanes[thread].record(phase: phase, body)
    }

    // MARK: Results

    /// The phases in the order in which they first appeared.
    package var phases: [PhaseCost] {
        all.indices.map { phase in
            var kinds: [(kind: Kind, cost: Cost)] = []
            for kind in Kind.allCases {
                var cost = Cost()
                for lane in lanes { cost += lane.cost(phase, kind) }
                if cost.calls > 0 { kinds.append((kind, cost)) }
            }
            let busy = lanes.reduce(0) { $0 + $1.seconds(of: phase) }
            return PhaseCost(
                name: all[phase].name,
                seconds: all[phase].seconds,
                idleSeconds: max(0, Double(all[phase].threads) * all[phase].seconds - busy),
                kinds: kinds
            )
        }
    }

    /// The name of a phase.
    func name(of phase: Int) -> String { all[phase].name }
}
