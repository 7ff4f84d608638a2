internal import Glibc

/// Arrays of millions of elements, made and compared by copies of memory: without optimization, a loop takes seconds.
enum LongArray {
    /// Elements that repeat after `period`: `value(0)`, …, `value(period - 1)`, `value(0)`, ….
    static func periodic(_ period: Int, count: Int, _ value: (Int) -> Float) -> [Float] {
        let part = (0..<period).map(value)
        var values: [Float] = []
        values.reserveCapacity(count)
        while values.count < count { values += part.prefix(count - values.count) }
        return values
    }

    static func haveSameBits(_ values: [Float], _ others: [Float]) -> Bool {
        guard values.count == others.count else { return false }
        return values.withUnsafeBytes { bytes in
            others.withUnsafeBytes { bytes.isEmpty || memcmp(bytes.baseAddress!, $0.baseAddress!, bytes.count) == 0 }
        }
    }
}
