internal import COpenSSL
package import SystemPackage

/// An incremental SHA-256 digest (FIPS 180-4), computed by libcrypto.
package struct Digest: ~Copyable {
    private let context: OpaquePointer

    /// The digest of an empty message.
    package init() {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("libcrypto allocates a context") }
        self.context = context
        require(EVP_DigestInit_ex(context, EVP_sha256(), nil), "SHA-256 is available")
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Appends bytes to the message.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        require(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "SHA-256 accepts any bytes")
    }

    /// Appends the bytes of an array's elements, in memory order.
    package mutating func update<Element: BitwiseCopyable>(_ elements: [Element]) {
        elements.withUnsafeBytes { update($0) }
    }

    /// Appends a string's UTF-8.
    package mutating func update(_ string: String) {
        update(Array(string.utf8))
    }

    /// The digest of the message so far, in hexadecimal; more can be appended afterwards.
    package var hexadecimal: String {
        // Finalizing ends a context, so a copy is finalized.
        guard let copy = EVP_MD_CTX_new() else { preconditionFailure("libcrypto allocates a context") }
        defer { EVP_MD_CTX_free(copy) }
        require(EVP_MD_CTX_copy_ex(copy, context), "a context can be copied")
        var bytes = [UInt8](repeating: 0, count: 32)
        require(EVP_DigestFinal_ex(copy, &bytes, nil), "a context can be finalized")
        return bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// The digest of a file's bytes, in hexadecimal.
    ///
    /// - Throws: `FormatError` if the file cannot be read.
    package static func sha256(ofFile path: FilePath) throws -> String {
        var digest = Digest()
        try MappedFile(path).withBytes { digest.update($0) }
        return digest.hexadecimal
    }
}

/// Traps if a call of libcrypto failed: SHA-256 over memory fails only if the library is broken.
private func require(_ status: CInt, _ claim: String) {
    precondition(status == 1, claim)
}
