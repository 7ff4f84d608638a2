internal import Crypto
package import SystemPackage

/// An incremental SHA-256.
package struct Digest {
    private var hash = SHA256()

    /// A digest of nothing yet.
    package init() {}

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bufferPointer: bytes)
    }

    /// Adds the bytes of an array's elements, in memory order.
    package mutating func update<Element: BitwiseCopyable>(_ elements: [Element]) {
        elements.withUnsafeBytes { update($0) }
    }

    /// Adds a string's UTF-8.
    package mutating func update(_ string: String) {
        update(Array(string.utf8))
    }

    /// The digest so far, in hexadecimal.
    package var hexadecimal: String {
        hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// The digest of a file's bytes, in hexadecimal.
    package static func sha256(ofFile path: FilePath) throws -> String {
        var digest = Digest()
        try MappedFile(path).withBytes { digest.update($0) }
        return digest.hexadecimal
    }
}
