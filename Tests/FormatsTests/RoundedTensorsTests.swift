internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Tensors that are read or written in 16 bits.
struct RoundedTensorsTests {
    /// Halfway between two numbers of either type, next to halfway, and exact ones.
    private let values: [Float] = [
        1, -1.00390625, 1.01171875, 1.00390637, 0x1.002p0, 0x1.006p0, -0x1.002002p0, 3.14159, -0, 0, 1e-7, 65504,
    ]

    private func entry(_ values: [Float], _ shape: [Int]) -> SafetensorsEntry {
        SafetensorsEntry(name: "w", shape: shape) { try $0(values.span) }
    }

    private func read(_ path: FilePath, as type: ElementType, shape: [Int]) throws -> [UInt16] {
        var bits = [UInt16](repeating: 7, count: shape.reduce(1, *))
        try bits.withUnsafeMutableBufferPointer { buffer in
            var span = buffer.mutableSpan
            try SafetensorsFile(path, .weights).readFinite("w", shape: shape, as: type, into: &span)
        }
        return bits
    }

    private func expected(_ values: [Float], _ type: ElementType) -> [UInt16] {
        values.map { value in
            if type == .float16 { return Float16(value).bitPattern }
            let bits = value.bitPattern
            let (low, half) = (bits & 0xFFFF, UInt32(0x8000))
            let isUp = low > half || low == half && bits >> 16 & 1 == 1
            return UInt16(bits >> 16) + (isUp ? 1 : 0)
        }
    }

    @Test(
        "float32 is read and written as the nearest 16-bit numbers, ties to even; a tensor of the type as it is",
        arguments: [ElementType.bfloat16, .float16]
    )
    func rounded(type: ElementType) throws {
        try Places.temporary { directory in
            let many = (0..<6000).flatMap { index in values.map { $0 / Float(1 + index % 7) } }
            let shape = [2, many.count / 2]
            let bits = expected(many, type)
            let (wide, narrow) = (directory.appending("wide"), directory.appending("narrow"))
            try SafetensorsWriter.write([entry(many, shape)], to: wide)
            #expect(try read(wide, as: type, shape: shape) == bits)
            try SafetensorsWriter.write([entry(many, shape).rounded(to: type, for: narrow)], to: narrow)
            let file = try SafetensorsFile(narrow)
            #expect(try file.info("w").elementType == type && file.info("w").shape == shape)
            #expect(try read(narrow, as: type, shape: shape) == bits)
            #expect(bits.count == 72_000)
        }
    }

    @Test("numbers beyond a type's range are refused with their place, when they are read and when they are written")
    func refused() throws {
        try Places.temporary { directory in
            var values = [Float](repeating: 1, count: 70_000)
            values[69_999] = -65520
            let shape = [7, 10_000]
            let (wide, narrow) = (directory.appending("wide"), directory.appending("narrow"))
            try SafetensorsWriter.write([entry(values, shape)], to: wide)
            expectRefusal(
                wide,
                "tensor w: expected numbers within the range of float16, found -65520.0 at [6, 9999]; use float32"
            ) { _ = try read(wide, as: .float16, shape: shape) }
            let overflow = #expect(throws: RoundingOverflow.self) {
                try SafetensorsWriter.write([entry(values, shape).rounded(to: .float16, for: narrow)], to: narrow)
            }
            let message = "tensor w: expected numbers within the range of float16, found -65520.0"
            #expect(overflow?.description == "\(narrow): \(message)")
            #expect(try read(wide, as: .bfloat16, shape: shape).last == 0xC780)
        }
    }

    @Test("numbers that are not finite are refused when a tensor is read in 16 bits")
    func infinite() throws {
        try Places.temporary { directory in
            let path = directory.appending("m.safetensors")
            let entry = entry([1, .infinity], [2]).rounded(to: .float32, for: path)
            try SafetensorsWriter.write([entry], to: path)
            let remedy = "restore the file from its source, or use an earlier checkpoint if its training diverged"
            expectRefusal(path, "tensor w: expected finite numbers, found inf at [1]; \(remedy)") {
                _ = try read(path, as: .bfloat16, shape: [2])
            }
        }
    }
}
