internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing
internal import Transformer

/// The rotary embedding against its formula in float64.
struct RotaryTests {
    @Test("rotation follows the formula, and its inverse is its transpose", arguments: [2, 4, 16, 34])
    func rotation(width: Int) throws {
        let (heads, positions): (Int, [Int32]) = (3, [0, 1, 7, 99])
        let rotary = try Rotary(Architecture.Rotary(theta: 10_000), headWidth: width, count: 100)
        let x = try TestMatrix(4, heads * width) { noise($0 * 1000 + $1) }
        let y = try TestMatrix(4, heads * width)
        let back = try TestMatrix(4, heads * width)
        rotary.forward(x.view, positions: positions[...], into: y.view)
        rotary.backward(y.view, positions: positions[...], into: back.view)
        #expect(relativeError(back.doubles, x.doubles) < 1e-6)
        let half = width / 2
        let expected = positions.enumerated().flatMap { row, position in
            (0..<heads * width).map { column in
                let (head, i) = (column / width, column % width % half)
                let angle = Double(position) * pow(10_000, -2 * Double(i) / Double(width))
                let first = Double(x.view[row, head * width + i])
                let second = Double(x.view[row, head * width + i + half])
                return column % width < half
                    ? first * cos(angle) - second * sin(angle) : second * cos(angle) + first * sin(angle)
            }
        }
        // The angle is rounded to float32, as transformers rounds it: up to 99 * 6e-8.
        #expect(relativeError(y.doubles, expected) < 1e-5)
    }

    @Test("the inverse rotation is the rotation's gradient", arguments: [2, 6, 34])
    func rotationGradient(width: Int) throws {
        let (heads, positions): (Int, [Int32]) = (2, [0, 3, 41])
        let rotary = try Rotary(Architecture.Rotary(theta: 100), headWidth: width, count: 42)
        let x = try TestMatrix(3, heads * width) { noise($0 * 1000 + $1) }
        let dy = try TestMatrix(3, heads * width) { noise(70_000 + $0 * 1000 + $1) }
        let dx = try TestMatrix(3, heads * width)
        rotary.backward(dy.view, positions: positions[...], into: dx.view)
        let direction = dy.doubles
        func loss(_ x: [Double]) -> Double {
            x.indices.reduce(0) { sum, index in
                let (row, column) = (index / (heads * width), index % width)
                let i = column % (width / 2)
                let angle = Double(positions[row]) * pow(100, -2 * Double(i) / Double(width))
                // Element i of the first half turns towards that of the second, and that one away from it.
                let rotated =
                    column < width / 2
                    ? x[index] * cos(angle) - x[index + width / 2] * sin(angle)
                    : x[index] * cos(angle) + x[index - width / 2] * sin(angle)
                return sum + direction[index] * rotated
            }
        }
        // The angle is rounded to float32: up to 41 * 6e-8.
        #expect(relativeError(dx.doubles, centralDifferences(loss, at: x.doubles)) < 5e-6)
    }
}
