internal import CKernels
internal import Glibc

/// Where a team's time goes: by phase of the computation and kind of work, with every span of time in order.
///
/// A phase is named where the team is started (`ThreadTeam.run`); the kinds of work within it record themselves, since
/// every product and kernel passes through this module. Without a profile a kernel pays for one look at a
/// thread-specific value.
package final class Profile: @unchecked Sendable {
    // Sendable: each lane is written by its member alone, and read only while the team is idle.

    /// A kind of work.
    package enum Kind: Int, CaseIterable, Sendable {
        /// Matrix products.
        case product
        /// RMSNorm.
        case norm
        /// Rotary embedding.
        case rotary
        case swiglu
        /// Of attention's tiles.
        case softmax
        /// Log-sum-exp and gradient of the logits.
        case logits
        /// Copies, fills, sums, gathering and scattering.
        case copy
        /// AdamW, and the sum of squares before it.
        case update
    }

    /// What one kind of work took in one phase, over all members.
    package struct Cost: Sendable, Equatable {
        /// Seconds of all members together.
        package var seconds: Double
        package var calls: Int
        /// Floating-point operations of products; 0 for other kinds.
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
        /// Seconds between the start of the phase and its end on all members.
        package let seconds: Double
        /// Seconds in which members waited for the slowest, all together.
        package let idleSeconds: Double
        /// In the order of `Kind`, those that occurred.
        package let kinds: [(kind: Kind, cost: Cost)]
    }

    /// One span of time of one member.
    struct Span {
        let phase: Int
        /// Nil for the phase as a whole.
        let kind: Kind?
        let start: UInt64
        let end: UInt64
        let flops: Int
        let bytes: Int
    }

    /// The most spans that a member keeps for the trace; later ones are counted only.
    private let spanLimit: Int
    private let origin = ek_nanoseconds()
    private var names: [String] = []
    private var seconds: [Double] = []
    /// The members that take part in each phase.
    private var memberCounts: [Int] = []
    private var indices: [String: Int] = [:]
    private let lanes: [Lane]

    /// A profile of a team of `members`.
    package init(members: Int, spanLimit: Int = 250_000) {
        self.spanLimit = spanLimit
        lanes = (0..<members).map { _ in Lane(spanLimit: spanLimit) }
    }

    /// The number of a phase, in the order in which phases first appear.
    private func phase(_ name: String) -> Int {
        if let index = indices[name] { return index }
        names.append(name)
        seconds.append(0)
        memberCounts.append(0)
        indices[name] = names.count - 1
        return names.count - 1
    }

    /// Runs `body`, which runs a phase on some members.
    func time<R>(_ name: String, members: Int, _ body: (_ phase: Int) throws -> R) rethrows -> R {
        let phase = phase(name)
        let start = ek_nanoseconds()
        defer {
            seconds[phase] += Double(ek_nanoseconds() - start) * 1e-9
            memberCounts[phase] = members
        }
        return try body(phase)
    }

    /// Runs `body` as `member`'s part of a phase.
    func record<R>(phase: Int, member: Int, _ body: () throws -> R) rethrows -> R {
        try lanes[member].record(phase: phase, body)
    }

    // MARK: Results

    /// The phases in the order in which they first appeared.
    package var phases: [PhaseCost] {
        names.indices.map { phase in
            var kinds: [(kind: Kind, cost: Cost)] = []
            for kind in Kind.allCases {
                var cost = Cost()
                for lane in lanes { cost += lane.cost(phase, kind) }
                if cost.calls > 0 { kinds.append((kind, cost)) }
            }
            let busy = lanes.reduce(0) { $0 + $1.seconds(of: phase) }
            return PhaseCost(
                name: names[phase],
                seconds: seconds[phase],
                idleSeconds: max(0, Double(memberCounts[phase]) * seconds[phase] - busy),
                kinds: kinds
            )
        }
    }

    /// Writes spans in Chrome's Trace Event Format, which Perfetto opens.
    ///
    /// - Parameters:
    ///   - profiles: Each shown as a process of this name, its members as threads, all on one clock.
    ///   - write: Receives the text piece by piece.
    package static func writeTrace(
        of profiles: [(name: String, profile: Profile)],
        to write: (String) throws -> Void
    ) rethrows {
        let origin = profiles.map(\.profile.origin).min() ?? 0
        var separator = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n"
        for (process, (name, profile)) in profiles.enumerated() {
            // Names are file names and literals of ours; what JSON would escape is left out.
            let name = name.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }
            let meta = "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": \(process), "
            try write(separator + meta + "\"args\": {\"name\": \"\(name)\"}}")
            separator = ",\n"
            for (member, lane) in profile.lanes.enumerated() {
                for span in lane.spans {
                    try write(separator + profile.event(span, process: process, member: member, origin: origin))
                }
            }
        }
        try write("\n]}\n")
    }

    private func event(_ span: Span, process: Int, member: Int, origin: UInt64) -> String {
        func microseconds(_ nanoseconds: UInt64) -> String {
            "\(nanoseconds / 1000).\(String(nanoseconds % 1000 + 1000).dropFirst())"
        }
        let name = span.kind.map { "\($0)" } ?? names[span.phase]
        var text = "{\"name\": \"\(name)\", \"cat\": \"\(names[span.phase])\", \"ph\": \"X\", \"pid\": \(process)"
        text += ", \"tid\": \(member), \"ts\": \(microseconds(span.start - origin))"
        text += ", \"dur\": \(microseconds(span.end - span.start))"
        if span.kind != nil { text += ", \"args\": {\"flops\": \(span.flops), \"bytes\": \(span.bytes)}" }
        return text + "}"
    }
}

extension Profile {
    /// What one member records.
    final class Lane {
        private let spanLimit: Int
        private(set) var spans: [Span] = []
        private var phase = 0
        private var totals: [Cost] = []
        private var phaseSeconds: [Double] = []

        init(spanLimit: Int) {
            self.spanLimit = spanLimit
        }

        /// The lane that the calling thread records to; nil where nothing is recorded.
        static var current: Lane? {
            pthread_getspecific(laneKey).map { Unmanaged<Lane>.fromOpaque($0).takeUnretainedValue() }
        }

        func cost(_ phase: Int, _ kind: Kind) -> Cost {
            let index = phase * Kind.allCases.count + kind.rawValue
            return index < totals.count ? totals[index] : Cost()
        }

        func seconds(of phase: Int) -> Double { phase < phaseSeconds.count ? phaseSeconds[phase] : 0 }

        func record<R>(phase: Int, _ body: () throws -> R) rethrows -> R {
            let missing = phase + 1 - phaseSeconds.count
            if missing > 0 {
                phaseSeconds += Array(repeating: 0, count: missing)
                totals += Array(repeating: Cost(), count: missing * Kind.allCases.count)
            }
            self.phase = phase
            pthread_setspecific(laneKey, Unmanaged.passUnretained(self).toOpaque())
            let start = ek_nanoseconds()
            defer {
                let end = ek_nanoseconds()
                pthread_setspecific(laneKey, nil)
                phaseSeconds[phase] += Double(end - start) * 1e-9
                keep(Span(phase: phase, kind: nil, start: start, end: end, flops: 0, bytes: 0))
            }
            return try body()
        }

        func add(_ kind: Kind, start: UInt64, flops: Int, bytes: Int) {
            let end = ek_nanoseconds()
            let cost = Cost(seconds: Double(end - start) * 1e-9, calls: 1, flops: flops, bytes: bytes)
            totals[phase * Kind.allCases.count + kind.rawValue] += cost
            keep(Span(phase: phase, kind: kind, start: start, end: end, flops: flops, bytes: bytes))
        }

        private func keep(_ span: Span) {
            if spans.count < spanLimit { spans.append(span) }
        }
    }
}

/// Runs `body`, and records what it took where the calling thread works under a profile.
@inline(__always)
func recorded(_ kind: Profile.Kind, flops: Int = 0, elements: Int, _ body: () -> Void) {
    guard let lane = Profile.Lane.current else { return body() }
    let start = ek_nanoseconds()
    body()
    lane.add(kind, start: start, flops: flops, bytes: elements * MemoryLayout<Float>.stride)
}

private let laneKey: pthread_key_t = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key, nil)
    precondition(status == 0, "a thread-specific key is to be had")
    return key
}()
