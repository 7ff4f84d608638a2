/// Memory for everything that a row's forward and backward pass needs, cut once into matrices and reused by every row.
///
/// Sized in two passes over the same cutting code: a measuring arena counts, a mapped one hands out views.
package struct Arena: ~Copyable {
    private let buffer: FloatBuffer?
    private let base: UnsafeMutablePointer<Float>?
    private let capacity: Int
    private var used = 0

    /// An arena that only counts what is asked of it; its matrices must not be touched.
    package init() {
        buffer = nil
        base = nil
        capacity = .max
    }

    /// An arena of `capacity` elements.
    package init(capacity: Int) throws {
        let buffer = try FloatBuffer(count: capacity)
        base = buffer.base
        self.buffer = consume buffer
        self.capacity = capacity
    }

    /// The number of elements handed out so far, alignment included.
    package var elementCount: Int { used }

    /// Everything that has been handed out, `[1, elementCount]`.
    package var all: Matrix { Matrix(base: base ?? Self.nowhere, rows: 1, columns: used, stride: used) }

    /// Cuts off the next `rows × columns` elements, aligned to a cache line.
    package mutating func matrix(rows: Int, columns: Int) -> Matrix {
        let offset = used
        used += (rows * columns + 15) / 16 * 16
        precondition(used <= capacity, "an arena is cut as it was measured")
        let start = base.map { $0 + offset } ?? Self.nowhere
        return Matrix(base: start, rows: rows, columns: columns, stride: columns)
    }

    private static var nowhere: UnsafeMutablePointer<Float> { UnsafeMutablePointer(bitPattern: 64)! }
}
