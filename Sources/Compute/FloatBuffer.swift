/// Owned, zeroed float32 memory on huge pages if the system grants them.
package struct FloatBuffer: ~Copyable, @unchecked Sendable {
    // Sendable: the mapping has one owner, and threads share it only through disjoint `Matrix` views.

    /// The number of elements.
    package let count: Int
    let base: UnsafeMutablePointer<Float>
    private let pages: HugePages

    /// Maps memory for `count` elements, aligned to 2 MiB.
    ///
    /// - Throws: `MemoryError` if the system refuses the mapping.
    package init(count: Int) throws {
        precondition(count >= 0, "a buffer's count is not negative")
        pages = try HugePages(byteCount: count * MemoryLayout<Float>.stride)
        base = pages.start.bindMemory(to: Float.self, capacity: max(count, 1))
        self.count = count
    }

    /// A view of `rows × columns` elements from `offset` on; valid as long as the buffer lives.
    package func matrix(at offset: Int = 0, rows: Int, columns: Int) -> Matrix {
        precondition(offset >= 0 && rows >= 0 && columns >= 0 && offset + rows * columns <= count, "view within buffer")
        return Matrix(base: base + offset, rows: rows, columns: columns, stride: columns)
    }
}
