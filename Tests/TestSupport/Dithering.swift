package import Formats

/// Rounding by thresholds, written down once more.
package enum Dithering {
    /// The threshold of an index, in 65,536ths of the spacing.
    private static func threshold(_ index: Int) -> UInt32 {
        var bits = UInt32(truncatingIfNeeded: index) &* 0x9E37_79B1
        bits = (bits ^ bits >> 15) &* 0x85EB_CA77
        bits = (bits ^ bits >> 13) &* 0xC2B2_AE3D
        return bits >> 16
    }

    /// A finite number rounded to a type, away from zero if its distance from the neighbour nearer to zero, in units of the
    /// spacing, and the threshold sum up to 1.
    package static func rounded(_ value: Float, _ index: Int, _ type: ElementType) -> Float {
        let magnitude = abs(value)
        // The spacing of a number with the precision of the type; float16's is constant below its normal numbers.
        let digits = type == .bfloat16 ? 7 : 10
        let exponent = type == .bfloat16 ? Int(magnitude.exponent) : max(Int(magnitude.exponent), -14)
        let spacing = magnitude == 0 ? 1 : Double(sign: .plus, exponent: exponent - digits, significand: 1)
        let units = Double(magnitude) / spacing
        // Of a number of the type at least 16 bits are zero, so that units have few digits; float16 drops 13.
        let part = type == .bfloat16 ? Double(threshold(index)) / 65_536 : thresholdOfFloat16(index, magnitude)
        return Float((units + part).rounded(.down) * spacing) * (value.sign == .minus ? -1 : 1)
    }

    /// In normal numbers of float16, 13 bits decide.
    private static func thresholdOfFloat16(_ index: Int, _ magnitude: Float) -> Double {
        magnitude < 0x1p-14 ? Double(threshold(index)) / 65_536 : Double(threshold(index) >> 3) / 8192
    }

    /// The values of a tensor, of which the first has this index.
    package static func rounded(_ values: [Float], from first: Int, _ type: ElementType) -> [Float] {
        values.enumerated().map { rounded($1, first + $0, type) }
    }
}
