internal import Reporting
internal import Testing

struct CRC32CTests {
    @Test(
        "checksums are those of RFC 3720, appendix B.4",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            ([UInt8](0...31), 0x46DD_794E), ([UInt8]((0...31).reversed()), 0x113F_DB5C),
            (
                // A read command: opcode and flags, task tag, transfer length, sequence numbers, LUN.
                [0x01, 0xC0] + zeros(14) + [0x14] + zeros(3) + [0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18]
                    + [0x28] + zeros(7) + [0x02] + zeros(7), 0xD996_3A56
            ),
            (Array("123456789".utf8), 0xE306_9283), ([], 0),
        ] as [([UInt8], UInt32)]
    )
    func vectors(bytes: [UInt8], checksum: UInt32) {
        #expect(CRC32C.checksum(bytes) == checksum)
    }

    @Test("a masked checksum is rotated right by 15 bits, and a constant is added")
    func masked() {
        #expect(CRC32C.masked([]) == 0xA282_EAD8)
        // 0xE3069283 rotated is 0x2507C60D.
        #expect(CRC32C.masked(Array("123456789".utf8)) == 0x2507_C60D &+ 0xA282_EAD8)
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
