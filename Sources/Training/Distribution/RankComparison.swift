package import Collectives
internal import Compute
internal import Configuration
internal import Transformer

/// Verifies that all ranks hold the same weights.
///
/// They do by construction, since each receives every slice from the rank that updated it: a difference is a fault of
/// memory, processor or network. The next update repairs a changed copy of another rank's slice, and spreads a change
/// in a rank's own slice: only a comparison in the same step detects either.
package struct RankComparison {
    let policy: Policy
    let communicator: any Communicator

    /// A comparison of the ranks' copies of `policy`.
    package init(_ policy: Policy, communicator: any Communicator) {
        (self.policy, self.communicator) = (policy, communicator)
    }

    /// Compares a checksum of the weights after `step`; collective.
    ///
    /// - Throws: `RankFailure` on every rank, which names the first rank whose weights differ from those of rank 0.
    package func check(step: Int) throws {
        guard communicator.size > 1 else { return }
        let sum = policy.weights.checksum(team: policy.team)
        // Two halves, which float64 represents exactly.
        let halves = [Double(sum >> 32), Double(sum & 0xFFFF_FFFF)]
        let all = try communicator.gather(halves.span, root: 0)
        try communicator.agree {
            guard let all else { return }
            for rank in 1..<communicator.size where [all[2 * rank], all[2 * rank + 1]] != halves {
                throw TrainingError.ranksDiffer(step: step, rank: rank)
            }
        }
    }
}

extension RankComparison {
    /// Checks that the weights after `step` are finite, before they are written; collective.
    ///
    /// - Throws: `RankFailure` on every rank, which names a tensor.
    package func requireFinite(step: Int) throws {
        try communicator.agree {
            guard let tensor = policy.weights.firstNonFinite(team: policy.team) else { return }
            throw TrainingError.weightsNotFinite(step: step, tensor: tensor.name)
        }
    }
}

extension ParameterBuffer {
    /// The first tensor with an infinite element or NaN, as it is stored; nil if there is none.
    func firstNonFinite(team: ThreadTeam) -> ParameterLayout.Tensor? {
        let found = team.map("finite weights") { thread in
            hasNonFinite(team.share(of: layout.count, thread: thread))
        }
        return found.contains(true) ? layout.tensors.first { hasNonFinite($0.range) } : nil
    }

    private func hasNonFinite(_ elements: Range<Int>) -> Bool {
        // The largest magnitude: those of infinity and NaN exceed all others as bits.
        guard let halves else {
            return flat.columns(elements).withSpan { values in
                var largest: UInt32 = 0
                for index in 0..<values.count { largest = max(largest, values[index].bitPattern & 0x7FFF_FFFF) }
                return largest >= Float.infinity.bitPattern
            }
        }
        let infinity: UInt16 = halves.type == .bfloat16 ? 0x7F80 : 0x7C00
        return halves.columns(elements).withSpan { bits in
            var largest: UInt16 = 0
            for index in 0..<bits.count { largest = max(largest, bits[index] & 0x7FFF) }
            return largest >= infinity
        }
    }

    /// A checksum of the bits of all elements as they are stored: `Σ bits[i] (2i + 1) mod 2⁶⁴`.
    ///
    /// It does not depend on the team. A change of any single element changes it, since its factor is odd.
    func checksum(team: ThreadTeam) -> UInt64 {
        let sums = team.map("checksum") { thread -> UInt64 in
            let share = team.share(of: layout.count, thread: thread)
            guard let halves else {
                return flat.columns(share).withSpan {
                    Self.checksum($0, from: share.lowerBound) { UInt64($0.bitPattern) }
                }
            }
            return halves.columns(share).withSpan { Self.checksum($0, from: share.lowerBound) { UInt64($0) } }
        }
        return sums.reduce(0, &+)
    }

    /// The part of the sum of the elements from a number on.
    @inline(__always)
    private static func checksum<Element>(
        _ values: Span<Element>,
        from first: Int,
        bits: (Element) -> UInt64
    ) -> UInt64 {
        var sum: UInt64 = 0
        for index in 0..<values.count {
            sum &+= bits(values[index]) &* UInt64(truncatingIfNeeded: 2 * (first + index) + 1)
        }
        return sum
    }
}
