internal import CKernels
internal import Glibc

/// Cosines and sines of the rotary embedding for positions `0..<count`.
///
/// Angles are computed as in `transformers`, `float32(position) * float32(theta^(-2i/K))` rounded to float32: a more
/// precise angle would be a different model, since at position 1000 the rounding error is already 6e-5 rad.
package struct RotaryTable: ~Copyable {
    /// The number of positions.
    package let count: Int
    private let width: Int
    private let buffer: FloatBuffer

    /// Computes the table for heads of `headDimension` elements, an even number.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(count: Int, headDimension: Int, theta: Double) throws {
        precondition(headDimension > 0 && headDimension % 2 == 0, "the head dimension is even")
        self.count = count
        width = headDimension
        let half = headDimension / 2
        buffer = try FloatBuffer(count: 2 * count * half)
        for i in 0..<half {
            let frequency = 1 / powf(Float(theta), Float(2 * i) / Float(headDimension))
            for position in 0..<count {
                let angle = Double(Float(position) * frequency)
                buffer.base[position * half + i] = Float(cos(angle))
                buffer.base[(count + position) * half + i] = Float(sin(angle))
            }
        }
    }

    /// Rotates the heads of `x` by the angles of `positions`, or back if `inverse` is set.
    ///
    /// - Parameters:
    ///   - x: `[T, heads * K]`.
    ///   - positions: `[T]`, each below `count`.
    ///   - out: `[T, heads * K]`, overwritten; does not overlap `x`.
    package func rotate(_ x: Matrix, positions: ArraySlice<Int32>, inverse: Bool = false, into out: Matrix) {
        precondition(
            x.rows == out.rows && x.columns == out.columns && positions.count == x.rows,
            "x and out are [T, HK]"
        )
        precondition(x.columns % width == 0, "whole heads")
        assert(positions.allSatisfy { $0 >= 0 && $0 < count })
        positions.withUnsafeBufferPointer { positions in
            guard let first = positions.baseAddress else { return }
            recorded(.rotary, elements: 2 * x.rows * x.columns) {
                ek_rotate(
                    x.base,
                    x.stride,
                    out.base,
                    out.stride,
                    first,
                    buffer.base,
                    buffer.base + count * width / 2,
                    inverse ? -1 : 1,
                    x.rows,
                    x.columns / width,
                    width
                )
            }
        }
    }
}
