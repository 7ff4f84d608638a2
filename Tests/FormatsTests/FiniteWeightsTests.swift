internal import Formats
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Infinite weights and NaN.
struct FiniteWeightsTests {
    /// Numbers of each type that are not finite, by their bits, and their names in messages.
    private static let values: [(type: String, bits: UInt32, name: String)] = [
        ("F32", 0x7F80_0000, "inf"), ("F32", 0xFF80_0000, "-inf"), ("F32", 0x7FC0_0000, "nan"),
        ("F32", 0xFF80_0001, "nan"), ("BF16", 0x7F80, "inf"), ("BF16", 0xFFC0, "nan"), ("F16", 0x7C00, "inf"),
        ("F16", 0xFC00, "-inf"), ("F16", 0x7E00, "nan"),
    ]

    /// Reads a model of one tensor with one odd element.
    private func read(_ type: String, _ bits: UInt32, at odd: Int, shape: [Int]) throws -> String? {
        try Places.temporary { directory in
            let (count, size) = (shape.reduce(1, *), type == "F32" ? 4 : 2)
            // The largest finite number of the type everywhere else.
            let largest: UInt32 = ["F32": 0x7F7F_FFFF, "BF16": 0x7F7F, "F16": 0x7BFF][type] ?? 0
            let data = (0..<count).flatMap { index in
                (0..<size).map { UInt8(truncatingIfNeeded: (index == odd ? bits : largest) >> UInt32(8 * $0)) }
            }
            let header = """
                {"w":{"dtype":"\(type)","shape":\(shape),"data_offsets":[0,\(count * size)]}}
                """
            let path = directory.appending("model.safetensors")
            try writeSafetensors(header, data: data, to: path)
            let weights = try ModelWeights(directory: directory)
            var values = [Float](repeating: 0, count: count)
            var span = values.mutableSpan
            do {
                try weights.read("w", shape: shape, into: &span)
            } catch let error as FormatError {
                #expect(error.path == path.string && !error.isTransient)
                return error.message
            }
            return nil
        }
    }

    @Test("one of them in a tensor is refused by name and position", arguments: values)
    func refused(type: String, bits: UInt32, name: String) throws {
        for (odd, shape, place) in [
            (0, [1], "[0]"), (6, [7], "[6]"), (5, [2, 3], "[1, 2]"), (1 << 14, [3, 1 << 13], "[2, 0]"),
            (1 << 15 + 4, [1 << 15 + 5], "[\(1 << 15 + 4)]"),
        ] {
            #expect(
                try read(type, bits, at: odd, shape: shape)
                    == "tensor w: expected finite numbers, found \(name) at \(place); restore the file from its source, "
                    + "or use an earlier checkpoint if its training diverged"
            )
        }
    }

    @Test("the largest finite numbers are read", arguments: ["F32", "BF16", "F16"])
    func largest(type: String) throws {
        #expect(try read(type, 0, at: -1, shape: [3, 5]) == nil)
        #expect(try read(type, 0, at: -1, shape: [0, 5]) == nil)
    }
}
