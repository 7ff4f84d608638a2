internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

extension Activation {
    /// The function in float64.
    fileprivate func formula(_ x: Double) -> Double {
        switch self {
        case .silu: x / (1 + exp(-x))
        case .gelu: 0.5 * x * erfc(-x / 2.0.squareRoot())
        case .geluTanh: 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
    }
}

/// Activations against their formulas and central differences in float64.
struct ActivationKernelTests {
    private static let widths = [1, 2, 15, 16, 17, 33, 67]
    private static let tolerance = 4e-6
    private let rows = 2

    @Test("a gated activation and its gradient follow the formula", arguments: Activation.allCases, widths)
    func gate(activation: Activation, width: Int) throws {
        // Gates from -8 to 8: both tails.
        let gateUp = try FramedMatrix(rows, 2 * width) { 8 * noise($0 * 2 * width + $1) }
        let dout = try FramedMatrix(rows, width) { noise(500 + $0 * width + $1) }
        let out = try FramedMatrix(rows, width)
        Kernels.gate(gateUp.view, activation, into: out.view)
        func formula(_ x: [Double]) -> [Double] {
            (0..<rows).flatMap { row in
                (0..<width).map { column in
                    activation.formula(x[row * 2 * width + column]) * x[row * 2 * width + width + column]
                }
            }
        }
        let (input, direction) = (gateUp.doubles, dout.doubles)
        #expect(relativeError(out.doubles, formula(input)) < Self.tolerance)
        Kernels.gateBackward(gateUp.view, activation, dout: dout.view)
        let expected = centralDifferences({ dot(formula($0), direction) }, at: input)
        #expect(relativeError(gateUp.doubles, expected) < Self.tolerance)
        gateUp.expectFrameUnchanged()
        out.expectFrameUnchanged()
    }

    @Test("an activation without gate and its gradient follow the formula", arguments: Activation.allCases, widths)
    func activate(activation: Activation, width: Int) throws {
        let x = try FramedMatrix(rows, width) { 8 * noise($0 * width + $1) }
        let dout = try FramedMatrix(rows, width) { noise(500 + $0 * width + $1) }
        let out = try FramedMatrix(rows, width)
        let (input, direction) = (x.doubles, dout.doubles)
        Kernels.activate(x.view, activation, into: out.view)
        #expect(relativeError(out.doubles, input.map(activation.formula)) < Self.tolerance)
        Kernels.activateBackward(x.view, activation, dout: dout.view)
        let expected = centralDifferences({ dot($0.map(activation.formula), direction) }, at: input)
        #expect(relativeError(x.doubles, expected) < Self.tolerance)
        x.expectFrameUnchanged()
        out.expectFrameUnchanged()
    }

    /// The largest differences of a kernel from `expected`, over inputs from -20 to 20 in steps of 1/64.
    private func largestError(
        _ expected: (Double) -> Double,
        _ kernel: (_ x: Matrix, _ out: Matrix) -> Void
    ) throws -> Double {
        let x = try TestMatrix(1, 2561) { Double($1 - 1280) / 64 }
        let out = try TestMatrix(1, 2561)
        let exact = x.doubles.map(expected)
        kernel(x.view, out.view)
        return zip(out.doubles, exact).map { abs($0 - $1) / max(1, abs($1)) }.max()!
    }

    @Test("an activation and its slope are exact to some units in the last place", arguments: Activation.allCases)
    func accuracy(activation: Activation) throws {
        let value = try largestError(activation.formula) { Kernels.activate($0, activation, into: $1) }
        #expect(value < 4e-7)
        let slope = try largestError({ (activation.formula($0 + 1e-5) - activation.formula($0 - 1e-5)) / 2e-5 }) {
            x,
            out in
            out.fill(1)
            Kernels.activateBackward(x, activation, dout: out)
            out.copy(from: x)
        }
        // SiLU's takes `1 - sigmoid` from the rounded sigmoid, times x.
        #expect(slope < (activation == .silu ? 1e-6 : 5e-7))
    }

    @Test(
        "a saturated gate neither overflows nor makes NaN",
        arguments: Activation.allCases,
        [Float(-1e30), -1e4, -100, 100, 1e4, 1e30]
    )
    func saturation(activation: Activation, gate: Float) throws {
        let gateUp = try TestMatrix(1, 2) { _, column in column == 0 ? Double(gate) : 2 }
        let out = try TestMatrix(1, 1)
        let dout = try TestMatrix(1, 1) { _, _ in 1 }
        let bound: Float = gate < -1e20 ? 1e-7 : 1e-33
        Kernels.gate(gateUp.view, activation, into: out.view)
        #expect(abs(out.view[0, 0] - (gate > 0 ? 2 * gate : 0)) < bound)
        Kernels.gateBackward(gateUp.view, activation, dout: dout.view)
        #expect(abs(gateUp.view[0, 0] - (gate > 0 ? 2 : 0)) < bound)
        #expect(abs(gateUp.view[0, 1] - (gate > 0 ? gate : 0)) < bound)
    }

    @Test("NaN propagates through an activation and its gradient", arguments: Activation.allCases)
    func notANumber(activation: Activation) throws {
        let x = try TestMatrix(1, 34) { $1 == 5 ? .nan : 1 }
        let out = try TestMatrix(1, 34)
        let dout = try TestMatrix(1, 34) { _, _ in 1 }
        Kernels.activate(x.view, activation, into: out.view)
        #expect(out.view.elements().map(\.isNaN) == (0..<34).map { $0 == 5 })
        let half = out.view.columns(0..<17)
        Kernels.gate(x.view, activation, into: half)
        #expect(half.elements().map(\.isNaN) == (0..<17).map { $0 == 5 })
        Kernels.gateBackward(x.view, activation, dout: dout.view.columns(0..<17))
        #expect(x.view[0, 5].isNaN && x.view[0, 22].isNaN)
        Kernels.activateBackward(x.view, activation, dout: dout.view)
        #expect(x.view.elements().map(\.isNaN) == (0..<34).map { $0 == 5 || $0 == 22 })
    }
}
