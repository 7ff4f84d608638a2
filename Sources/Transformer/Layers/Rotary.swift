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
        /// The elements of a head that are rotated, the first ones, even; nil for all.
        package var rotatedWidth: Int?
        /// Whether pairs are neighbours, `(2i, 2i + 1)`, instead of `(i, i + rotatedWidth / 2)`.
        package var pairsNeighbours = false
        /// The factor of cosines and sines; nil for 1.
        package var attentionFactor: Float?

        /// An embedding with these frequencies.
        package init(theta: Double, scaling: Scaling? = nil) { (self.theta, self.scaling) = (theta, scaling) }

        /// The angle per position of each pair of a head, in radians: `f_i = θ^(-2i/K)`, `[K / 2]`, where `K` is the
        /// rotated width.
        ///
        /// In float32, step by step as in `transformers`: a more accurate angle would be another model, since
        /// at position 1000 the rounding is already 6e-5 rad.
        package func frequencies(headWidth: Int) -> [Float] {
            let width = rotatedWidth ?? headWidth
            return (0..<width / 2).map { pair in
                let wavelength = powf(Float(theta), Float(2 * pair) / Float(width))
                return scaling?.frequency(wavelength, pair: pair) ?? 1 / wavelength
            }
        }

        /// The tokens of the longest path that the frequencies hold for; nil for any.
        package var longestPath: Int? {
            guard case .longrope(_, let originalLength) = scaling else { return nil }
            return originalLength
        }
    }
}

extension Architecture.Rotary {
    /// A change of the frequencies `f = 1 / w`.
    package enum Scaling: Sendable, Equatable, Encodable {
        /// `f / factor` (Chen et al. 2023).
        case linear(factor: Float)
        /// Llama 3.1's: with wavelength `λ = 2π / f` and original length `o`, frequencies with `λ > o / low` are divided by
        /// `factor`, those with `λ < o / high` stay, and between them `s = (o / λ - low) / (high - low)` interpolates:
        /// `(1 - s) f / factor + s f`.
        case llama3(factor: Float, low: Float, high: Float, originalLength: Float)
        /// YaRN (Peng et al. 2023): pairs up to `start` keep their frequency, those from `end` on have `f / factor`, and
        /// between them it changes linearly.
        case yarn(factor: Float, start: Double, end: Double)
        /// LongRoPE (Ding et al. 2024) within the original length: `f_i / factors_i`. Longer paths have other factors.
        case longrope(factors: [Float], originalLength: Int)

        /// The scaled frequency of a pair, in float32 in the order of operations of `transformers`.
        func frequency(_ w: Float, pair: Int) -> Float {
            let frequency = 1 / w
            switch self {
            case .linear(let factor): return frequency / factor
            case .llama3(let factor, let low, let high, let length):
                // torch divides a number by a tensor as the reciprocal times the number.
                let wavelength = 1 / frequency * (2 * Float(Double.pi))
                if wavelength > length / low { return frequency / factor }
                if wavelength < length / high { return frequency }
                let share = (1 / wavelength * length - low) / (high - low)
                return (1 - share) * frequency / factor + share * frequency
            case .yarn(let factor, let start, let end):
                let ramp = (Float(pair) - Float(start)) / Float(end - start)
                let kept = 1 - min(max(ramp, 0), 1)
                return 1 / (factor * w) * (1 - kept) + frequency * kept
            case .longrope(let factors, _): return 1 / (factors[pair] * w)
            }
        }
    }
}

/// Cosines and sines of the rotary embedding for positions `0..<count`.
package final class Rotary: Sendable {
    /// The number of positions.
    let count: Int
    private let headWidth: Int
    private let half: Int
    private let pairsNeighbours: Bool
    private let buffer: FloatBuffer

    /// The tables for heads of `headWidth` elements.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(_ rotary: Architecture.Rotary, headWidth: Int, count: Int) throws {
        let rotatedWidth = rotary.rotatedWidth ?? headWidth
        precondition(rotatedWidth % 2 == 0 && (2...headWidth).contains(rotatedWidth), "pairs of a head's elements")
        (self.count, self.headWidth, half) = (count, headWidth, rotatedWidth / 2)
        pairsNeighbours = rotary.pairsNeighbours
        buffer = try FloatBuffer(count: 2 * count * half)
        let frequencies = rotary.frequencies(headWidth: headWidth)
        let factor = rotary.attentionFactor ?? 1
        let (cosines, sines) = (cosines, sines)
        for position in 0..<count {
            for (pair, frequency) in frequencies.enumerated() {
                // The angle is a product of float32 numbers, as `transformers` rounds it.
                let angle = Double(Float(position) * frequency)
                cosines[position, pair] = Float(cos(angle)) * factor
                sines[position, pair] = Float(sin(angle)) * factor
            }
        }
    }

    private var cosines: Matrix { buffer.matrix(rows: count, columns: half) }
    private var sines: Matrix { buffer.matrix(at: count * half, rows: count, columns: half) }

    /// Rotates the heads of `x`, `[T, heads * K]`, by the angles of `positions`, each below `count`.
    package func forward(_ x: Matrix, positions: ArraySlice<Int32>, into y: Matrix) {
        rotate(x, positions, inverse: false, into: y)
    }

    /// Rotates the gradient of the result of `forward` back, which gives that of its input.
    package func backward(_ dy: Matrix, positions: ArraySlice<Int32>, into dx: Matrix) {
        rotate(dy, positions, inverse: true, into: dx)
    }

    private func rotate(_ x: Matrix, _ positions: ArraySlice<Int32>, inverse: Bool, into y: Matrix) {
        Kernels.rotate(
            x,
            positions: positions,
            cosines: cosines,
            sines: sines,
            headWidth: headWidth,
            neighbours: pairsNeighbours,
            inverse: inverse,
            into: y
        )
    }
}
