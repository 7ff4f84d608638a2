internal import CKernels
internal import Glibc

extension Profile {
    /// One time span of one thread.
    struct Span {
        let phase: Int
        /// Nil for the phase as a whole.
        let kind: Kind?
        let start: UInt64
        let end: UInt64
        let flops: Int
        let bytes: Int
    }

    /// The recording of one thread.
    final class Lane {
        private let spanLimit: Int
        private(set) var spans: [Span] = []
        private var phase = 0
        private var totals: [Cost] = []
        private var phaseSeconds: [Double] = []

        init(spanLimit: Int) {
            self.spanLimit = spanLimit
        }

        /// The lane that the calling thread records to; nil if it is not profiled.
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

/// Runs `body`, and records its cost if the calling thread is profiled.
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
    precondition(status == 0, "a thread-specific key is available")
    return key
}()
