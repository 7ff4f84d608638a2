internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

/// A rotary embedding of heads of `width` elements, the first `rotated` of which rotate.
struct RotaryCase: Sendable, CustomTestStringConvertible {
    let width: Int
    let rotated: Int
    let neighbours: Bool

    static let all = [(2, 2), (34, 34), (64, 64), (17, 2), (33, 32), (80, 20), (96, 66)].flatMap { width, rotated in
        [false, true].map { RotaryCase(width: width, rotated: rotated, neighbours: $0) }
    }

    var testDescription: String { "\(rotated) of \(width)\(neighbours ? ", neighbours" : "")" }

    /// The indices within a head of the elements of pair `i`.
    func pair(_ i: Int) -> (Int, Int) { neighbours ? (2 * i, 2 * i + 1) : (i, i + rotated / 2) }

    func angle(position: Int, pair: Int) -> Double { Double(position) * pow(100, -2 * Double(pair) / Double(rotated)) }
}

struct RotaryKernelTests {
    private let heads = 3
    private let positions: [Int32] = [4, 0, 2, 4]

    private func rotate(_ rotary: RotaryCase, _ x: Matrix, inverse: Bool, into y: Matrix) throws {
        let cosines = try TestMatrix(5, rotary.rotated / 2) { cos(rotary.angle(position: $0, pair: $1)) }
        let sines = try TestMatrix(5, rotary.rotated / 2) { sin(rotary.angle(position: $0, pair: $1)) }
        Kernels.rotate(
            x,
            positions: positions[...],
            cosines: cosines.view,
            sines: sines.view,
            headWidth: rotary.width,
            neighbours: rotary.neighbours,
            inverse: inverse,
            into: y
        )
    }

    private func formula(_ rotary: RotaryCase, _ x: [Double]) -> [Double] {
        var y = x
        for (token, position) in positions.enumerated() {
            for head in 0..<heads {
                let start = (token * heads + head) * rotary.width
                for pair in 0..<rotary.rotated / 2 {
                    let (first, second) = rotary.pair(pair)
                    let (a, b) = (x[start + first], x[start + second])
                    let angle = rotary.angle(position: Int(position), pair: pair)
                    y[start + first] = a * cos(angle) - b * sin(angle)
                    y[start + second] = b * cos(angle) + a * sin(angle)
                }
            }
        }
        return y
    }

    @Test("a rotation follows the formula, and its inverse is its gradient", arguments: RotaryCase.all)
    func rotation(rotary: RotaryCase) throws {
        let columns = heads * rotary.width
        let x = try FramedMatrix(positions.count, columns) { noise($0 * columns + $1) }
        let y = try FramedMatrix(positions.count, columns, frame: -78)
        let input = x.doubles
        try rotate(rotary, x.view, inverse: false, into: y.view)
        #expect(relativeError(y.doubles, formula(rotary, input)) < 3e-7)
        try rotate(rotary, x.view, inverse: true, into: y.view)
        // The map is linear: any point gives the same differences.
        let probed = [0, rotary.rotated - 1, rotary.width - 1, columns + rotary.rotated / 2, input.count - 1]
        let gradient = probed.map { index in
            var unit = [Double](repeating: 0, count: input.count)
            unit[index] = 1
            return dot(formula(rotary, unit), input)
        }
        #expect(relativeError(probed.map { y.doubles[$0] }, gradient) < 3e-7)
        x.expectFrameUnchanged()
        y.expectFrameUnchanged()
    }

    @Test("elements after the rotated ones are copied to the bit, and NaN stays in its pair", arguments: RotaryCase.all)
    func rest(rotary: RotaryCase) throws {
        let columns = heads * rotary.width
        let x = try TestMatrix(positions.count, columns) { $0 == 2 && $1 == 0 ? .nan : noise($0 * columns + $1) }
        let y = try TestMatrix(positions.count, columns)
        try rotate(rotary, x.view, inverse: false, into: y.view)
        for head in 0..<heads {
            let rest = head * rotary.width + rotary.rotated..<(head + 1) * rotary.width
            #expect(y.view.columns(rest).elements() == x.view.columns(rest).elements())
        }
        let (first, second) = rotary.pair(0)
        let places = y.doubles.indices.filter { y.doubles[$0].isNaN }
        #expect(places == [2 * columns + first, 2 * columns + second])
    }
}
