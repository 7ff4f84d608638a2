internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

/// Each backward kernel against central differences of its formula in float64; float32 sums of up to 67 terms agree to
/// some ten units in the last place.
struct LayerKernelTests {
    private static let widths = [1, 2, 15, 16, 17, 67]
    private static let tolerance = 4e-6

    private func rmsnorm(_ x: [Double], _ weight: [Double], epsilon: Double) -> [Double] {
        let width = weight.count
        return stride(from: 0, to: x.count, by: width).flatMap { start in
            let row = x[start..<start + width]
            let rstd = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(width) + epsilon).squareRoot()
            return zip(row, weight).map { $0 * rstd * $1 }
        }
    }

    @Test("the norm and its gradients follow the formula", arguments: widths)
    func norm(width: Int) throws {
        let rows = 3
        let x = try TestMatrix(rows, width) { noise($0 * width + $1) }
        let weight = try TestMatrix(1, width) { 1 + 0.3 * noise(1000 + $1) }
        let dy = try TestMatrix(rows, width) { noise(2000 + $0 * width + $1) }
        let residual = try TestMatrix(rows, width) { noise(3000 + $0 * width + $1) }
        let y = try TestMatrix(rows, width)
        Kernels.normalize(x.view, weight: weight.view, epsilon: 1e-5, into: y.view)
        #expect(relativeError(y.doubles, rmsnorm(x.doubles, weight.doubles, epsilon: 1e-5)) < Self.tolerance)

        let dweight = try TestMatrix(1, width)
        let dx = try TestMatrix(rows, width)
        Kernels.normalizeBackward(
            x.view,
            weight: weight.view,
            epsilon: 1e-5,
            dy: dy.view,
            residual: residual.view,
            into: dx.view,
            dweight: dweight.view
        )
        let (fixedX, fixedWeight, direction) = (x.doubles, weight.doubles, dy.doubles)
        func loss(_ x: [Double], _ weight: [Double]) -> Double {
            zip(rmsnorm(x, weight, epsilon: 1e-5), direction).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let byX = zip(centralDifferences({ loss($0, fixedWeight) }, at: fixedX), residual.doubles).map(+)
        #expect(relativeError(dx.doubles, byX) < Self.tolerance)
        #expect(
            relativeError(dweight.doubles, centralDifferences({ loss(fixedX, $0) }, at: fixedWeight)) < Self.tolerance
        )
    }

    @Test("the norm's gradients are accumulated, and may overwrite the residual")
    func normInPlace() throws {
        let (rows, width) = (3, 17)
        let x = try TestMatrix(rows, width) { noise($0 * width + $1) }
        let weight = try TestMatrix(1, width) { 1 + 0.3 * noise(1000 + $1) }
        let dy = try TestMatrix(rows, width) { noise(2000 + $0 * width + $1) }
        let residual = try TestMatrix(rows, width) { noise(3000 + $0 * width + $1) }
        func backward(into dx: Matrix, dweight: Matrix) {
            Kernels.normalizeBackward(
                x.view,
                weight: weight.view,
                epsilon: 1e-5,
                dy: dy.view,
                residual: residual.view,
                into: dx,
                dweight: dweight
            )
        }
        let dx = try TestMatrix(rows, width)
        let fresh = try TestMatrix(1, width)
        backward(into: dx.view, dweight: fresh.view)
        let started = try TestMatrix(1, width) { 10 * noise(4000 + $1) }
        let before = started.doubles
        backward(into: residual.view, dweight: started.view)
        #expect(residual.doubles == dx.doubles)
        #expect(relativeError(started.doubles, zip(before, fresh.doubles).map(+)) < 1e-6)
        #expect(fresh.doubles.allSatisfy { $0 != 0 })
    }

    @Test("SwiGLU and its gradient follow the formula", arguments: widths)
    func swiglu(width: Int) throws {
        let rows = 2
        // Gates from -8 to 8: both tails of the sigmoid.
        let gateUp = try TestMatrix(rows, 2 * width) { 8 * noise($0 * 2 * width + $1) }
        let dout = try TestMatrix(rows, width) { noise(500 + $0 * width + $1) }
        let out = try TestMatrix(rows, width)
        Kernels.gate(gateUp.view, .silu, into: out.view)
        func formula(_ x: [Double]) -> [Double] {
            (0..<rows).flatMap { row in
                (0..<width).map { column in
                    let gate = x[row * 2 * width + column]
                    return gate / (1 + exp(-gate)) * x[row * 2 * width + width + column]
                }
            }
        }
        let (input, direction) = (gateUp.doubles, dout.doubles)
        #expect(relativeError(out.doubles, formula(input)) < Self.tolerance)
        Kernels.gateBackward(gateUp.view, .silu, dout: dout.view)
        let expected = centralDifferences({ zip(formula($0), direction).reduce(0) { $0 + $1.0 * $1.1 } }, at: input)
        #expect(relativeError(gateUp.doubles, expected) < Self.tolerance)
    }

    @Test("a saturated gate neither overflows nor makes NaN", arguments: [Float(-1e4), -100, 100, 1e4])
    func saturation(gate: Float) throws {
        let gateUp = try TestMatrix(1, 2) { _, column in column == 0 ? Double(gate) : 2 }
        let out = try TestMatrix(1, 1)
        Kernels.gate(gateUp.view, .silu, into: out.view)
        #expect(abs(out.view[0, 0] - (gate > 0 ? 2 * gate : 0)) < 1e-33)
    }

    @Test("NaN propagates")
    func notANumber() throws {
        let x = try TestMatrix(1, 33) { $1 == 20 ? .nan : 0.5 }
        let y = try TestMatrix(1, 33)
        let weight = try TestMatrix(1, 33) { _, _ in 1 }
        Kernels.normalize(x.view, weight: weight.view, epsilon: 1e-5, into: y.view)
        #expect(y.view[0, 0].isNaN)
        let out = try TestMatrix(1, 1)
        let gateUp = try TestMatrix(1, 2) { $1 == 0 ? .nan : 1 }
        Kernels.gate(gateUp.view, .silu, into: out.view)
        #expect(out.view[0, 0].isNaN)
    }
}
