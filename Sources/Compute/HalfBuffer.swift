/// Owned, zeroed memory for numbers of 16 bits, on huge pages if the system grants them.
package struct HalfBuffer: ~Copyable, @unchecked Sendable {
    // Sendable: the mapping has one owner, and threads share it only through disjoint views.

    /// The number of elements.
    package let count: Int
    /// The type of the elements.
    package let type: HalfType
    private let base: UnsafeMutablePointer<UInt16>
    private let pages: HugePages

    /// Maps memory for `count` elements, aligned to 2 MiB.
    ///
    /// - Throws: `MemoryError` if the system refuses the mapping.
    package init(count: Int, type: HalfType) throws {
        precondition(count >= 0, "a buffer's count is not negative")
        pages = try HugePages(byteCount: count * MemoryLayout<UInt16>.stride)
        base = pages.start.bindMemory(to: UInt16.self, capacity: max(count, 1))
        (self.count, self.type) = (count, type)
    }

    /// A view of `rows × columns` elements from `offset` on; valid as long as the buffer lives.
    package func matrix(at offset: Int = 0, rows: Int, columns: Int) -> HalfMatrix {
        precondition(offset >= 0 && rows >= 0 && columns >= 0 && offset + rows * columns <= count, "view within buffer")
        return HalfMatrix(base: base + offset, type: type, rows: rows, columns: columns, stride: columns)
    }
}
