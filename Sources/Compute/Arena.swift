/// Memory for the forward and backward pass, divided into matrices once and reused for every packed sequence.
///
/// The same allocation code runs twice: a measuring arena counts elements, a mapped one returns views.
package struct Arena: ~Copyable {
    private let buffer: FloatBuffer?
    private let base: UnsafeMutablePointer<Float>?
    private let capacity: Int
    private var used = 0

    /// A measuring arena, which only counts elements; its matrices must not be accessed.
    package init() {
        buffer = nil
        base = nil
        capacity = .max
    }

    /// An arena of `capacity` elements.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(capacity: Int) throws {
        let buffer = try FloatBuffer(count: capacity)
        base = buffer.base
        self.buffer = consume buffer
        self.capacity = capacity
    }

    /// The number of elements that `allocate` takes, alignment included.
    package static func elementCount(_ allocate: (inout Arena) -> Void) -> Int {
        var arena = Arena()
        allocate(&arena)
        return arena.elementCount
    }

    /// The number of elements allocated so far, alignment included.
    package var elementCount: Int { used }

    /// All elements allocated so far, `[1, elementCount]`.
    package var all: Matrix { Matrix(base: base ?? Self.placeholder, rows: 1, columns: used, stride: used) }

    /// Allocates the next `rows × columns` elements, aligned to a cache line.
    package mutating func matrix(rows: Int, columns: Int) -> Matrix {
        let offset = used
        used += (rows * columns + 15) / 16 * 16
        precondition(used <= capacity, "an arena allocates at most its measured size")
        let start = base.map { $0 + offset } ?? Self.placeholder
        return Matrix(base: start, rows: rows, columns: columns, stride: columns)
    }

    private static var placeholder: UnsafeMutablePointer<Float> { UnsafeMutablePointer(bitPattern: 64)! }
}
