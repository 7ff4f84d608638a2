internal import Glibc

/// Owned, zeroed float32 memory on huge pages if the system grants them.
///
/// The memory is an anonymous mapping: a page is allocated when it is first accessed and stays, so that the steady
/// state has no page faults.
package struct FloatBuffer: ~Copyable, @unchecked Sendable {
    // Sendable: the mapping has one owner, and threads share it only through disjoint `Matrix` views.

    /// The number of elements.
    package let count: Int
    let base: UnsafeMutablePointer<Float>
    private let mapping: UnsafeMutableRawBufferPointer

    /// Maps memory for `count` elements, aligned to 2 MiB.
    ///
    /// - Throws: `MemoryError` if the system refuses the mapping.
    package init(count: Int) throws {
        precondition(count >= 0, "a buffer's count is not negative")
        let hugePage = 2 << 20
        let byteCount = max(count, 1) * MemoryLayout<Float>.stride
        let mappedCount = (byteCount + hugePage - 1) / hugePage * hugePage + hugePage
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let start = mmap(nil, mappedCount, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
            throw MemoryError(byteCount: mappedCount, reason: String(cString: strerror(errno)))
        }
        let aligned = UnsafeMutableRawPointer(
            bitPattern: (UInt(bitPattern: start) + UInt(hugePage - 1)) & ~UInt(hugePage - 1)
        )!
        // Only advice: without huge pages there are more TLB misses, nothing else.
        madvise(aligned, mappedCount - hugePage, MADV_HUGEPAGE)
        self.count = count
        self.base = aligned.bindMemory(to: Float.self, capacity: max(count, 1))
        self.mapping = UnsafeMutableRawBufferPointer(start: start, count: mappedCount)
    }

    deinit {
        munmap(mapping.baseAddress!, mapping.count)
    }

    /// A view of `rows × columns` elements from `offset` on; valid as long as the buffer lives.
    package func matrix(at offset: Int = 0, rows: Int, columns: Int) -> Matrix {
        precondition(offset >= 0 && rows >= 0 && columns >= 0 && offset + rows * columns <= count, "view within buffer")
        return Matrix(base: base + offset, rows: rows, columns: columns, stride: columns)
    }
}

/// The system refused to map memory.
package struct MemoryError: Error, CustomStringConvertible {
    let byteCount: Int
    let reason: String

    package var description: String {
        "cannot map \(byteCount >> 20) MiB of memory: \(reason); lower --row-tokens, use fewer ranks on this host, "
            + "or raise the memory limit (ulimit -v, the job's cgroup)"
    }
}
