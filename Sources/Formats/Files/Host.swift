internal import Glibc

/// The machine that this process runs on.
package enum Host {
    /// The host name.
    package static var name: String {
        var bytes = [CChar](repeating: 0, count: 256)
        // One byte less: a truncated name has no terminating zero.
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
        return bytes.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}
