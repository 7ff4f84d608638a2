package import Compute

/// A float32 matrix with its own memory, filled from a function of row and column.
package struct TestMatrix: ~Copyable {
    private let buffer: FloatBuffer
    package let view: Matrix

    package init(_ rows: Int, _ columns: Int, _ value: (Int, Int) -> Double = { _, _ in 0 }) throws {
        buffer = try FloatBuffer(count: rows * columns)
        view = buffer.matrix(rows: rows, columns: columns)
        for row in 0..<rows {
            for column in 0..<columns { view[row, column] = Float(value(row, column)) }
        }
    }

    /// The elements in double, row by row.
    package var doubles: [Double] { view.elements().map(Double.init) }
}

/// A deterministic pseudo-random number in `[-1, 1]` for an index.
package func noise(_ index: Int) -> Double {
    var z = UInt64(truncatingIfNeeded: index) &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double(z >> 11) / Double(1 << 52) - 1
}

/// Central differences of `f` at `x`, in float64.
///
/// With step h the error is of order h² f''' + ε f / h, below 1e-8 for the smooth functions here.
package func centralDifferences(_ f: ([Double]) -> Double, at x: [Double]) -> [Double] {
    let step = 1e-5
    return x.indices.map { index in
        var (above, below) = (x, x)
        above[index] += step
        below[index] -= step
        return (f(above) - f(below)) / (2 * step)
    }
}

/// The largest difference of two vectors, relative to the largest element of the second; infinite if one is NaN.
package func relativeError(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count && !a.isEmpty, "something to compare")
    let differences = zip(a, b).map { abs($0 - $1) }
    // `max` skips NaN.
    guard !differences.contains(where: \.isNaN) else { return .infinity }
    return differences.max()! / max(b.map(abs).max()!, .leastNormalMagnitude)
}
