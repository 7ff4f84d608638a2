internal import CKernels
internal import Glibc

/// The memory of a thread for packed operands, which lives as long as the thread.
final class PackingBuffers {
    /// The most rows of a left operand, and columns of a right one, that are packed at once.
    ///
    /// A right operand of this size fits the second level of the cache, where it stays while the rows of the left one pass by;
    /// that is packed once for all columns.
    static let mostRows = 1024
    static let mostColumns = EK_BLOCK_COLUMNS

    /// The bytes of a thread's buffers.
    static var byteCount: Int { (leftCount + rightCount) * MemoryLayout<UInt32>.stride }

    let left: UnsafeMutablePointer<UInt32>
    let right: UnsafeMutablePointer<UInt32>
    private let memory: HugePages

    /// The calling thread's buffers.
    ///
    /// Of a thread whose team has not allocated them, its first product does, where no error can be thrown: without memory the
    /// process ends, as it does in the library's products.
    static var current: PackingBuffers {
        do {
            return try own()
        } catch { fatalError("packed operands of products: \(error)") }
    }

    /// The calling thread's buffers, which the first call allocates.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    static func own() throws -> PackingBuffers {
        if let existing = pthread_getspecific(buffersKey) {
            return Unmanaged<PackingBuffers>.fromOpaque(existing).takeUnretainedValue()
        }
        let buffers = try PackingBuffers()
        pthread_setspecific(buffersKey, Unmanaged.passRetained(buffers).toOpaque())
        return buffers
    }

    private init() throws {
        memory = try HugePages(byteCount: Self.byteCount)
        left = memory.start.bindMemory(to: UInt32.self, capacity: Self.leftCount + Self.rightCount)
        right = left + Self.leftCount
    }

    /// Rows are packed in groups of 16, of which the last may begin within the most rows.
    private static var leftCount: Int { (mostRows + 32) * EK_STRIP_UNITS }
    private static var rightCount: Int { mostColumns * EK_BLOCK_UNITS }
}

private let buffersKey: pthread_key_t = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key) { Unmanaged<PackingBuffers>.fromOpaque($0!).release() }
    precondition(status == 0, "a thread-specific key is available")
    return key
}()
