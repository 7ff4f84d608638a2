internal import CMPI

/// Delegates reducing and gathering to the MPI library, which chooses the algorithm and the order of summation.
final class LibraryExchange: SlicedReduction {
    private let rank: Int
    private let size: Int
    private let channel: Channel
    private let scratch: Scratch<Float>

    /// - Parameter capacity: Elements of the largest bucket.
    init(rank: Int, size: Int, channel: Channel, capacity: Int) {
        (self.rank, self.size, self.channel) = (rank, size, channel)
        scratch = Scratch(count: min(capacity, capacity / size + 2 * reductionUnit), of: 0)
    }

    func slice(of rank: Int, units: Int) -> Range<Int> { divided(0..<units, in: size)[rank] }

    func reduceScatter(_ values: inout MutableSpan<Float>) throws {
        try channel.exchange(&values) { values in
            let counts = slices(of: values).map { Int32($0.count) }
            let own = values.part(slice(of: rank, count: values.count))
            let sums = scratch.elements.part(0..<own.count)
            try counts.withUnsafeBufferPointer { counts in
                try channel.begin("MPI_Ireduce_scatter of \(values.count) floats") { handle, request in
                    let to = sums.baseAddress
                    return cmpi_ireduce_scatter_float(handle, values.baseAddress, to, counts.baseAddress, request)
                }
                try channel.wait()
            }
            _ = own.update(fromContentsOf: sums)
        }
    }

    func allGather<Element: BitwiseCopyable>(_ values: inout MutableSpan<Element>) throws {
        try channel.exchange(&values) { values in
            let (slices, width) = (slices(of: values), MemoryLayout<Element>.stride)
            let (counts, offsets) = (
                slices.map { Int32($0.count * width) }, slices.map { Int32($0.lowerBound * width) }
            )
            try counts.withUnsafeBufferPointer { counts in
                try offsets.withUnsafeBufferPointer { offsets in
                    try channel.begin("MPI_Iallgatherv of \(values.count) elements") { handle, request in
                        let (each, from) = (counts.baseAddress, offsets.baseAddress)
                        return cmpi_iallgather(handle, values.baseAddress, each, from, request)
                    }
                    try channel.wait()
                }
            }
        }
    }

    private func slices<Element>(of values: UnsafeMutableBufferPointer<Element>) -> [Range<Int>] {
        (0..<size).map { slice(of: $0, count: values.count) }
    }
}
