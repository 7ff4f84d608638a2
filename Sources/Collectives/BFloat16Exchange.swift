internal import CKernels

/// Sends gradients as bfloat16, half as many bytes, and weights as they are.
///
/// Each rank rounds its part once, also the slice that it keeps; each slice goes directly to the rank that receives its sums,
/// which adds them in float32 in the order of ranks.
final class BFloat16Exchange: SlicedReduction {
    private let rank: Int
    private let size: Int
    private let channel: Channel
    private let base: any SlicedReduction
    private let outgoing: Scratch<UInt16>
    private let incoming: Scratch<UInt16>

    /// - Parameters:
    ///   - base: Divides the slices, and gathers weights.
    ///   - capacity: Elements of the largest bucket.
    init(rank: Int, size: Int, channel: Channel, base: any SlicedReduction, capacity: Int) {
        (self.rank, self.size, self.channel, self.base) = (rank, size, channel, base)
        outgoing = Scratch(count: capacity, of: 0)
        // A slice is at most a unit longer than the mean.
        incoming = Scratch(count: capacity + (size + 1) * reductionUnit, of: 0)
    }

    func slice(of rank: Int, units: Int) -> Range<Int> { base.slice(of: rank, units: units) }

    func allGather(_ values: inout MutableSpan<Float>) throws { try base.allGather(&values) }

    func reduceScatter(_ values: inout MutableSpan<Float>) throws {
        try values.withUnsafeMutableBufferPointer { values in
            guard !values.isEmpty else { return }
            ek_round_bfloat16(values.baseAddress, outgoing.elements.baseAddress, values.count)
            let sums = values.part(slice(of: rank, count: values.count))
            var pieces: [UnsafeMutableBufferPointer<UInt16>] = []
            for other in 0..<size {
                pieces.append(part(incoming, other * sums.count..<(other + 1) * sums.count))
                if other != rank { try channel.receive(pieces[other], from: other) }
            }
            for step in 1..<size {
                let other = (rank + step) % size
                let sent = part(outgoing, slice(of: other, count: values.count))
                try channel.send(UnsafeBufferPointer(sent), to: other)
            }
            pieces[rank] = part(outgoing, slice(of: rank, count: values.count))
            try channel.wait()
            guard let first = sums.baseAddress, !sums.isEmpty else { return }
            sums.update(repeating: 0)
            for piece in pieces { ek_add_bfloat16(piece.baseAddress, first, sums.count) }
        }
    }

    private func part(_ scratch: Scratch<UInt16>, _ range: Range<Int>) -> UnsafeMutableBufferPointer<UInt16> {
        UnsafeMutableBufferPointer(rebasing: scratch.elements[range])
    }
}
