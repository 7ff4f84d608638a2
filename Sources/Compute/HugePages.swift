internal import Glibc

/// An owned, zeroed anonymous mapping, on huge pages if the system grants them.
///
/// A page is allocated when it is first accessed and stays, so that the steady state has no page faults.
struct HugePages: ~Copyable {
    /// The first byte, aligned to 2 MiB.
    let start: UnsafeMutableRawPointer
    private let mapping: UnsafeMutableRawBufferPointer

    /// Maps at least `byteCount` bytes.
    ///
    /// - Throws: `MemoryError` if the system refuses the mapping.
    init(byteCount: Int) throws {
        let hugePage = 2 << 20
        let mappedCount = (max(byteCount, 1) + hugePage - 1) / hugePage * hugePage + hugePage
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let base = mmap(nil, mappedCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
            throw MemoryError(byteCount: mappedCount, reason: String(cString: strerror(errno)))
        }
        start = UnsafeMutableRawPointer(
            bitPattern: (UInt(bitPattern: base) + UInt(hugePage - 1)) & ~UInt(hugePage - 1)
        )!
        // Only advice: without huge pages there are more TLB misses, nothing else.
        madvise(start, mappedCount - hugePage, MADV_HUGEPAGE)
        mapping = UnsafeMutableRawBufferPointer(start: base, count: mappedCount)
    }

    deinit {
        munmap(mapping.baseAddress!, mapping.count)
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
