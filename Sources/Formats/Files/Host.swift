internal import Glibc

/// The machine that this process runs on.
package enum Host {
    /// Its name in the network.
    package static var name: String {
        var bytes = [CChar](repeating: 0, count: 256)
        // Leaves room for the final zero, which a cut name lacks.
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
        return bytes.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}
