internal import Reporting
internal import Testing

/// The bytes of events, which are those that TensorBoard's own `RecordWriter` and protobuf classes write.
struct TensorBoardEventTests {
    /// Field 1, wall time, 8 bytes: 1.5.
    private static let time: [UInt8] = [0x09, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F]

    @Test("the first event names the version, in a record with the checksums of length and content")
    func version() {
        let event = TensorBoardEvent.version(wallTime: 1.5)
        // Field 3, 13 bytes.
        let bytes = Self.time + [0x1A, 13] + Array("brain.Event:2".utf8)
        #expect(event.message.bytes == bytes)
        let (length, lengthChecksum): ([UInt8], [UInt8]) = ([24, 0, 0, 0, 0, 0, 0, 0], [0xA3, 0x7F, 0x4B, 0x22])
        #expect(event.record == length + lengthChecksum + bytes + [0x2A, 0x28, 0x64, 0x6C])
    }

    @Test("a start has its step and the status START")
    func start() {
        // Field 2, step: 3. Field 7, session log, 2 bytes; in it field 1, status: 1.
        #expect(TensorBoardEvent.start(at: 3, wallTime: 1.5).message.bytes == Self.time + [0x10, 3, 0x3A, 2, 0x08, 1])
    }

    @Test("scalars are float32, also those that are not finite")
    func scalars() {
        let values = [(tag: "train/loss", value: 0.5), (tag: "n", value: .nan), (tag: "i", value: -.infinity)]
        let event = TensorBoardEvent.scalars(values, step: 300, wallTime: 1.5)
        // In field 5, summary, each value is a field 1; in it field 1, tag, and field 2, 4 bytes.
        let loss: [UInt8] = [0x0A, 17, 0x0A, 10] + Array("train/loss".utf8) + [0x15, 0, 0, 0, 0x3F]
        let nan: [UInt8] = [0x0A, 8, 0x0A, 1, 0x6E, 0x15, 0, 0, 0xC0, 0x7F]
        let infinity: [UInt8] = [0x0A, 8, 0x0A, 1, 0x69, 0x15, 0, 0, 0x80, 0xFF]
        // 300 is 0b10_0101100: the lowest seven bits come first.
        #expect(event.message.bytes == Self.time + [0x10, 0xAC, 0x02, 0x2A, 39] + loss + nan + infinity)
    }

    @Test("a text is a tensor of one string, for the plugin of texts")
    func text() {
        let event = TensorBoardEvent.text("    a", tag: "args", step: 2, wallTime: 1.5)
        let tag = [0x0A, 17] + Array("args/text_summary".utf8)
        // Field 8, tensor: type DT_STRING, a shape with one dimension of 1, one string.
        let tensor = [0x42, 15, 0x08, 7, 0x12, 4, 0x12, 2, 0x08, 1, 0x42, 5] + Array("    a".utf8)
        // Field 9, metadata, with the name of the plugin.
        let metadata = [0x4A, 8, 0x0A, 6, 0x0A, 4] + Array("text".utf8)
        let value = tag + tensor + metadata
        #expect(event.message.bytes == Self.time + [0x10, 2, 0x2A, 48, 0x0A, 46] + value)
    }

    @Test(
        "integers have seven bits a byte, negative ones ten bytes",
        arguments: [
            (0, [0]), (127, [127]), (128, [0x80, 1]), (1 << 40, [0x80, 0x80, 0x80, 0x80, 0x80, 0x20]),
            (-1, [UInt8](repeating: 0xFF, count: 9) + [1]),
        ] as [(Int64, [UInt8])]
    )
    func integers(value: Int64, bytes: [UInt8]) {
        #expect(ProtobufMessage([.integer(1, value)]).bytes == [0x08] + bytes)
        // From field 16 on a number takes two bytes.
        #expect(ProtobufMessage([.integer(16, value)]).bytes == [0x80, 0x01] + bytes)
    }
}
