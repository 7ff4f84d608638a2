/// The cyclic redundancy check CRC-32C, by Castagnoli's polynomial (RFC 3720, section 12.1).
package enum CRC32C {
    /// The remainder of each byte, by the polynomial with its bits reversed.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { remainder, _ in
            remainder >> 1 ^ (remainder & 1 == 1 ? 0x82F6_3B78 : 0)
        }
    }

    /// The checksum of all bytes.
    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }

    /// The checksum in TFRecord's form, rotated and shifted, so that the checksum of data that contain their own checksum
    /// does not degenerate.
    package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let plain = checksum(bytes)
        return (plain >> 15 | plain << 17) &+ 0xA282_EAD8
    }
}
