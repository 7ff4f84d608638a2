package import Compute
internal import Foundation

extension Architecture {
    /// The rotary position embedding: the angle by which each pair of a head's elements is rotated.
    ///
    /// Su et al. 2021.
    package struct Rotary: Sendable, Equatable, Encodable {
        /// The base of the frequencies, `θ`.
        package var theta: Double
        /// The scaling of frequencies for contexts longer than the original one; nil for none.
        package var scaling: Scaling?

        /// An embedding with these frequencies.
        package init(theta: Double, scaling: Scaling? = nil) { (self.theta, self.scaling) = (theta, scaling) }

        /// The angle per position of each pair of a head, in radians: `f_i = θ^(-2i/K)`, `[K / 2]`.
        ///
        /// In float32, step by step as in `transformers`: a more accurate angle would be another model, since
        /// at position 1000 the rounding is already 6e-5 rad.
        package func frequencies(headWidth: Int) -> [Float] {
            (0..<headWidth / 2).map { pair in
                let frequency = 1 / powf(Float(theta), Float(2 * pair) / Float(headWidth))
                return scaling?.scaled(frequency) ?? frequency
            }
        }
    }
}

extension Architecture.Rotary {
    /// A change of the frequencies.
    package enum Scaling: Sendable, Equatable, Encodable {
        /// Llama 3.1's: with wavelength `λ = 2π / f` and original length `o`, frequencies with `λ > o / low` are divided by
        /// `factor`, those with `λ < o / high` stay, and between them `s = (o / λ - low) / (high - low)` interpolates:
        /// `(1 - s) f / factor + s f`.
        case llama3(factor: Float, low: Float, high: Float, originalLength: Float)

        /// The scaled frequency, in float32 in the order of operations of `transformers`.
        func scaled(_ frequency: Float) -> Float {
            switch self {
            case .llama3(let factor, let low, let high, let length):
                // torch divides a number by a tensor as the reciprocal times the number.
                let wavelength = 1 / frequency * (2 * Float(Double.pi))
                if wavelength > length / low { return frequency / factor }
                if wavelength < length / high { return frequency }
                let share = (1 / wavelength * length - low) / (high - low)
                return (1 - share) * frequency / factor + share * frequency
            }
        }
    }
}

/// Cosines and sines of the rotary embedding for positions `0..<count`.
package final class Rotary: Sendable {
    /// The number of positions.
    let count: Int
    private let half: Int
    private let buffer: FloatBuffer

    /// The tables for heads of `headWidth` (even) elements.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(_ rotary: Architecture.Rotary, headWidth: Int, count: Int) throws {
        precondition(headWidth > 0 && headWidth % 2 == 0, "a head has an even number of elements")
        self.count = count
        half = headWidth / 2
        buffer = try FloatBuffer(count: 2 * count * half)
        let frequencies = rotary.frequencies(headWidth: headWidth)
        let (cosines, sines) = (cosines, sines)
        for position in 0..<count {
            for (pair, frequency) in frequencies.enumerated() {
                // The angle is a product of float32 numbers, as `transformers` rounds it.
                let angle = Double(Float(position) * frequency)
                cosines[position, pair] = Float(cos(angle))
                sines[position, pair] = Float(sin(angle))
            }
        }
    }

    private var cosines: Matrix { buffer.matrix(rows: count, columns: half) }
    private var sines: Matrix { buffer.matrix(at: count * half, rows: count, columns: half) }

    /// Rotates the heads of `x`, `[T, heads * K]`, by the angles of `positions`, each below `count`.
    package func forward(_ x: Matrix, positions: ArraySlice<Int32>, into y: Matrix) {
        Kernels.rotate(
            x,
            positions: positions,
            cosines: cosines,
            sines: sines,
            headWidth: 2 * half,
            inverse: false,
            into: y
        )
    }

    /// Rotates the gradient of the result of `forward` back, which gives that of its input.
    package func backward(_ dy: Matrix, positions: ArraySlice<Int32>, into dx: Matrix) {
        Kernels.rotate(
            dy,
            positions: positions,
            cosines: cosines,
            sines: sines,
            headWidth: 2 * half,
            inverse: true,
            into: dx
        )
    }
}
