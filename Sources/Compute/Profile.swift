internal import CKernels

/// A profile of a thread team: time, FLOPs and bytes by phase and kind of work, with every time span.
///
/// `ThreadTeam.run` names the phase; the kinds of work within it record themselves, since every product and kernel is
/// called through this module. Without a profile a kernel costs one lookup of a thread-specific value more.
package final class Profile: @unchecked Sendable {
    // Sendable: each lane is written by its thread only, and read only while the team is idle.

    /// A kind of work.
    package enum Kind: Int, CaseIterable, Sendable {
        /// Matrix products.
        case product
        /// RMSNorm and LayerNorm.
        case norm
        /// Rotary embedding.
        case rotary
        /// Activations of feed-forwards, with and without a gate; named after the first, in traces and tables.
        case swiglu
        /// Attention tiles: their products and softmax together.
        case attention
        /// Log-sum-exp and gradient of the logits.
        case logits
        /// Copies, fills, sums, gathering and scattering.
        case copy
        /// AdamW, and the gradient norm before it.
        case update
    }

    /// The cost of one kind of work in one phase, over all threads.
    package struct Cost: Sendable, Equatable {
        /// Seconds, summed over threads.
        package var seconds: Double
        package var calls: Int
        /// Floating-point operations of products, and of attention over visible keys; 0 for other kinds.
        package var flops: Int
        /// Bytes of the operands, counted at every read and write.
        package var bytes: Int

        /// A cost; 0 by default.
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

    /// The cost of one phase.
    package struct PhaseCost: Sendable {
        package let name: String
        /// Seconds between the start of the phase and its end on all threads.
        package let seconds: Double
        /// Seconds that threads waited for the slowest, summed over threads.
        package let idleSeconds: Double
        /// The kinds that occurred, in the order of `Kind`.
        package let kinds: [(kind: Kind, cost: Cost)]
    }

    /// A phase as seen by the caller of the team.
    private struct Phase {
        let name: String
        /// The number of threads that take part.
        let threads: Int
        var seconds = 0.0
    }

    /// The start of the profile, on the clock of its spans.
    let origin = ek_nanoseconds()
    let lanes: [Lane]
    /// In the order of their first run.
    private var all: [Phase] = []

    /// A profile of a team of `threads` threads.
    ///
    /// - Parameter spanLimit: The maximum number of spans that a thread keeps for the trace; later ones only count.
    package init(threads: Int, spanLimit: Int = 250_000) {
        lanes = (0..<threads).map { _ in Lane(spanLimit: spanLimit) }
    }

    /// A time span of a thread outside the team.
    struct Note {
        let name: String
        let start: UInt64
        let end: UInt64
        let bytes: Int
    }

    /// In the order of `note` calls.
    private(set) var notes: [Note] = []

    /// Nanoseconds on the clock of the spans.
    package static var now: UInt64 { ek_nanoseconds() }

    /// Adds a time span of a thread outside the team, for the trace only; called while the team is idle.
    package func note(_ name: String, start: UInt64, end: UInt64, bytes: Int) {
        notes.append(Note(name: name, start: start, end: end, bytes: bytes))
    }

    /// Times `body`, which runs a phase on `threads` threads.
    func time<R>(_ name: String, threads: Int, _ body: (_ phase: Int) throws -> R) rethrows -> R {
        let phase = all.firstIndex { $0.name == name } ?? all.count
        if phase == all.count { all.append(Phase(name: name, threads: threads)) }
        let start = ek_nanoseconds()
        defer { all[phase].seconds += Double(ek_nanoseconds() - start) * 1e-9 }
        return try body(phase)
    }

    /// Runs `body` as the part of a phase that belongs to `thread`.
    func record<R>(phase: Int, thread: Int, _ body: () throws -> R) rethrows -> R {
        try lanes[thread].record(phase: phase, body)
    }

    // MARK: Results

    /// The phases, in the order of their first run.
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
