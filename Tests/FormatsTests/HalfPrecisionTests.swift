internal import Formats
internal import Foundation
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Elements of every float type convert to float32 exactly.
struct HalfPrecisionTests {
    private func read(_ dtype: String, _ data: [UInt8], count: Int) throws -> [Float] {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            // One byte of another tensor before them puts the elements at odd addresses.
            let header = """
                {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\
                "w":{"dtype":"\(dtype)","shape":[\(count)],"data_offsets":[1,\(1 + data.count)]}}
                """
            try writeSafetensors(header, data: [9] + data, to: path)
            return try float32s(SafetensorsFile(path), "w", shape: [count])
        }
    }

    @Test("float32 keeps its bits")
    func float32() throws {
        let bits: [UInt32] = [
            0, 0x8000_0000, 1, 0x807F_FFFF, 0x3F80_0000, 0x7F7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0001,
        ]
        #expect(try read("F32", littleEndian(bits), count: bits.count).map(\.bitPattern) == bits)
    }

    @Test("every bfloat16 is the upper half of a float32")
    func bfloat16() throws {
        let all = Array(UInt16.min...UInt16.max)
        let values = try read("BF16", littleEndian(all), count: all.count)
        #expect(values.count == 65_536 && values.map(\.bitPattern) == all.map { UInt32($0) << 16 })
    }

    @Test("every float16 has the value that its bits represent")
    func float16() throws {
        let all = Array(UInt16.min...UInt16.max)
        let values = try read("F16", littleEndian(all), count: all.count)
        var wrong = [UInt16]()
        for (bits, value) in zip(all, values) {
            let (exponent, fraction) = (Int(bits >> 10) & 31, Double(bits & 1023))
            let magnitude: Double =
                switch exponent {
                case 0: fraction * pow(2, -24)
                case 31: fraction == 0 ? .infinity : .nan
                default: (1024 + fraction) * pow(2, Double(exponent - 25))
                }
            let isRight = magnitude.isNaN ? value.isNaN : Double(abs(value)) == magnitude
            if !isRight || (value.sign == .minus) != (bits >= 0x8000) { wrong.append(bits) }
        }
        #expect(values.count == 65_536 && wrong == [])
        // Largest, smallest normal, largest and smallest subnormal, by the IEEE 754 tables.
        #expect([0x7BFF, 0x0400, 0x03FF, 0x0001].map { values[$0] } == [65_504, 0x1p-14, 0x1.FF8p-15, 0x1p-24])
    }
}
