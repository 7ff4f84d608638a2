internal import Compute
internal import Formats
internal import TestSupport
internal import Testing

/// Conversions between float32 and numbers of 16 bits.
struct HalfTypeTests {
    /// All numbers of 16 bits, as float32.
    private func widened(_ type: HalfType) throws -> [Float] {
        let buffer = try HalfBuffer(count: 1 << 16, type: type)
        let all = buffer.matrix(rows: 1, columns: 1 << 16)
        all.withMutableSpan { for index in 0..<$0.count { $0[index] = UInt16(index) } }
        let result = try TestMatrix(1, 1 << 16)
        all.widen(into: result.view)
        return result.view.elements()
    }

    private func rounded(_ values: [Float], _ type: HalfType) throws -> (bits: [UInt16], overflows: Int) {
        var bits = [UInt16](repeating: 0x5555, count: values.count)
        let count = bits.withUnsafeMutableBufferPointer { buffer in
            var span = buffer.mutableSpan
            return type.round(values.span, into: &span)
        }
        return (bits, count)
    }

    @Test("every 16-bit number is widened exactly, and rounded to itself", arguments: HalfType.allCases)
    func exact(type: HalfType) throws {
        let values = try widened(type)
        for (index, value) in values.enumerated() {
            let bits = UInt16(index)
            let expected: Float =
                type == .bfloat16 ? Float(bitPattern: UInt32(bits) << 16) : Float(Float16(bitPattern: bits))
            #expect(value.isNaN ? expected.isNaN : value.bitPattern == expected.bitPattern, "\(bits)")
        }
        let numbers = values.enumerated().filter { !$0.element.isNaN }
        let (bits, overflows) = try rounded(numbers.map(\.element), type)
        #expect(bits == numbers.map { UInt16($0.offset) })
        #expect(overflows == 0)
        #expect(try rounded([.nan, -.nan, .signalingNaN], type).bits.allSatisfy { values[Int($0)].isNaN })
    }

    @Test("thresholds round up or down, keep numbers of the type, and keep the mean")
    func dithered() throws {
        let count = 40_000
        let buffer = try HalfBuffer(count: count, type: .bfloat16)
        let result = buffer.matrix(rows: 1, columns: count)
        let widened = try TestMatrix(1, count)
        for (value, spacing) in [(Float(0.01), 0x1p-14), (-3.14159, 0x1p-6), (0x1.01p0, 0x1p-7)] {
            let values = try TestMatrix(1, count) { _, _ in Double(value) }
            result.dither(values.view, from: 1_000_000)
            result.widen(into: widened.view)
            let found = widened.doubles
            #expect(Set(found).count == 2 && found.allSatisfy { abs($0 - Double(value)) < spacing })
            let mean = found.reduce(0, +) / Double(count)
            #expect(abs(mean - Double(value)) < 0.01 * spacing, "\(value): \(mean)")
            for index in 0..<100 {
                #expect(found[index] == Double(Dithering.rounded(value, 1_000_000 + index, .bfloat16)))
            }
        }
        let largest = try TestMatrix(1, count) { _, _ in 0x1.FEFFp127 }
        result.dither(largest.view, from: 0)
        result.widen(into: widened.view)
        #expect(widened.doubles.allSatisfy { $0 == 0x1.FEp127 })
        let numbers = try TestMatrix(1, count) {
            Double(Float(bitPattern: UInt32($1 % 0x7F80) << 16)) * ($1 % 2 == 0 ? 1 : -1)
        }
        result.dither(numbers.view, from: 7)
        result.widen(into: widened.view)
        #expect(widened.doubles == numbers.doubles)
    }

    @Test("float32 is rounded to the nearest 16-bit number, ties to even", arguments: HalfType.allCases)
    func nearest(type: HalfType) throws {
        let numbers = try widened(type)[0..<0x7C00].filter(\.isFinite)
        for (index, (low, high)) in zip(numbers, numbers.dropFirst()).enumerated() {
            let middle = (low + high) / 2
            let (bits, _) = try rounded([middle.nextDown, middle, middle.nextUp, -middle], type)
            let even = UInt16(index + index % 2)
            guard bits != [UInt16(index), even, UInt16(index + 1), even | 0x8000] else { continue }
            Issue.record("between \(low) and \(high): \(bits)")
        }
        #expect(numbers.count > 30_000)
    }

    @Test("float16 counts the finite numbers that become infinite")
    func overflow() throws {
        let values: [Float] = [65504, 65519.9, 65520, -70000, 3e38, .infinity, .nan, 0]
        let (bits, overflows) = try rounded(values, .float16)
        #expect(bits.dropLast(2) == [0x7BFF, 0x7BFF, 0x7C00, 0xFC00, 0x7C00, 0x7C00])
        #expect(overflows == 3)
        #expect(try rounded([65520, 3e38], .bfloat16).overflows == 0)
    }
}
