internal import Compute
internal import TestSupport
internal import Testing
internal import Transformer

/// The rotary embedding against its formula in float64.
struct RotaryTests {
    /// Half and neighbouring pairs, of the whole head and of its first part, with a factor.
    private static let forms: [Architecture.Rotary] = [false, true].flatMap { pairsNeighbours in
        [(nil, nil), (2, 1.25), (4, nil)].map { (rotatedWidth: Int?, factor: Float?) in
            var rotary = Architecture.Rotary(theta: 100)
            (rotary.rotatedWidth, rotary.attentionFactor) = (rotatedWidth, factor)
            rotary.pairsNeighbours = pairsNeighbours
            return rotary
        }
    }

    @Test("rotation follows the formula", arguments: [4, 16, 34], forms)
    func rotation(width: Int, form: Architecture.Rotary) throws {
        let (heads, positions): (Int, [Int32]) = (3, [0, 1, 7, 99])
        let rotary = try Rotary(form, headWidth: width, count: 100)
        let x = try TestMatrix(4, heads * width) { noise($0 * 1000 + $1) }
        let y = try TestMatrix(4, heads * width)
        rotary.forward(x.view, positions: positions[...], into: y.view)
        // The angle is rounded to float32, as transformers rounds it: up to 99 * 6e-8.
        #expect(relativeError(y.doubles, rotated(x.doubles, positions, form, width: width)) < 1e-5)
    }

    @Test("the rotation of a head of one pair follows the formula, and its inverse is its transpose")
    func pair() throws {
        let form = Architecture.Rotary(theta: 10_000)
        let rotary = try Rotary(form, headWidth: 2, count: 100)
        let x = try TestMatrix(2, 6) { noise($0 * 1000 + $1) }
        let y = try TestMatrix(2, 6)
        let back = try TestMatrix(2, 6)
        let positions: [Int32] = [3, 99]
        rotary.forward(x.view, positions: positions[...], into: y.view)
        #expect(relativeError(y.doubles, rotated(x.doubles, positions, form, width: 2)) < 1e-5)
        rotary.backward(y.view, positions: positions[...], into: back.view)
        #expect(relativeError(back.doubles, x.doubles) < 1e-6)
    }

    @Test("the inverse rotation is the rotation's gradient", arguments: [4, 6, 34], forms)
    func rotationGradient(width: Int, form: Architecture.Rotary) throws {
        let (heads, positions): (Int, [Int32]) = (2, [0, 3, 41])
        let rotary = try Rotary(form, headWidth: width, count: 42)
        let x = try TestMatrix(3, heads * width) { noise($0 * 1000 + $1) }
        let dy = try TestMatrix(3, heads * width) { noise(70_000 + $0 * 1000 + $1) }
        let dx = try TestMatrix(3, heads * width)
        rotary.backward(dy.view, positions: positions[...], into: dx.view)
        let slopes = dy.doubles
        func loss(_ x: [Double]) -> Double {
            zip(rotated(x, positions, form, width: width), slopes).reduce(0) { $0 + $1.0 * $1.1 }
        }
        // The angle is rounded to float32: up to 41 * 6e-8.
        #expect(relativeError(dx.doubles, centralDifferences(loss, at: x.doubles)) < 5e-6)
    }

    @Test("a factor scales the rotated elements alone")
    func factor() throws {
        var form = Architecture.Rotary(theta: 100)
        (form.rotatedWidth, form.attentionFactor) = (2, 3)
        let x = try TestMatrix(1, 6) { noise($0 * 1000 + $1) }
        let y = try TestMatrix(1, 6)
        try Rotary(form, headWidth: 6, count: 1).forward(x.view, positions: [0], into: y.view)
        #expect(y.doubles == zip(x.doubles, [3, 3, 1, 1, 1, 1]).map { Double(Float($0) * $1) })
    }

    /// The rotation of the heads of some tokens in float64.
    private func rotated(
        _ x: [Double],
        _ positions: [Int32],
        _ form: Architecture.Rotary,
        width: Int
    ) -> [Double] {
        let columns = x.count / positions.count
        return stride(from: 0, to: x.count, by: width).flatMap { start in
            form.formula(Array(x[start..<start + width]), position: Int(positions[start / columns]))
        }
    }

    @Test("the scaled frequencies of Llama 3.2 1B are transformers' to an ulp")
    func llama3() {
        // As transformers 5.24 computes them from the model's config.json, in float32.
        let expected: [UInt32] = [
            0x3f800000, 0x3f29e1c6, 0x3ee177bc, 0x3e959ee3, 0x3e4693b0, 0x3e03c6a0, 0x3daee4ad, 0x3d681e67,
            0x3d1a08c8, 0x3ccc6f49, 0x3c87a9c3, 0x3c340d6d, 0x3beef74f, 0x3b9e9402, 0x3b527720, 0x3aa9279b,
            0x39e13620, 0x38cb98f7, 0x37a3418d, 0x3758ac81, 0x370fc8f8, 0x36bed4f4, 0x367d45c3, 0x3628126b,
            0x35df10c4, 0x359406cb, 0x35447610, 0x35025f34, 0x34ad07a7, 0x3465a54d, 0x341864a7, 0x33ca41b0,
        ]
        let scaling = Architecture.Rotary.Scaling.llama3(factor: 32, low: 1, high: 4, originalLength: 8192)
        let rotary = Architecture.Rotary(theta: 500_000, scaling: scaling)
        let found = rotary.frequencies(headWidth: 64)
        #expect(found.count == expected.count)
        for (value, bits) in zip(found, expected) {
            let difference = Int64(value.bitPattern) - Int64(bits)
            #expect(abs(difference) <= 1, "\(difference): \(value) and \(Float(bitPattern: bits))")
        }
        #expect(rotary.frequencies(headWidth: 64) != Architecture.Rotary(theta: 500_000).frequencies(headWidth: 64))
    }
}
