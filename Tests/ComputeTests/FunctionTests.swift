internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

/// The vectorizable functions against Foundation's in float64.
struct FunctionTests {
    /// The largest error of `kernel`, in units in the last place of the result, over numbers of all magnitudes and of
    /// both signs.
    private func largestError(_ kernel: (Matrix) -> Void, _ exact: (Double) -> Double) throws -> Double {
        // A prime step through the bits: 2,046 numbers of each exponent.
        let magnitudes = stride(from: UInt32(0), to: Float.infinity.bitPattern, by: 4099).map { Float(bitPattern: $0) }
        let inputs = magnitudes + magnitudes.map { -$0 }
        let x = try TestMatrix(1, inputs.count) { Double(inputs[$1]) }
        kernel(x.view)
        return zip(inputs, x.view.elements()).map { input, result in
            let expected = exact(Double(input))
            let error = abs(Double(result) - expected) / Double(Float(expected).ulp)
            return error.isNaN ? .infinity : error
        }.max()!
    }

    @Test("tanh is exact to 1.4 units in the last place, for numbers of any magnitude")
    func hyperbolicTangent() throws {
        #expect(try largestError({ Kernels.cap($0, at: 1) }, tanh) < 1.4)
    }

    @Test("erf is exact to 1.2 units in the last place, for numbers of any magnitude")
    func errorFunction() throws {
        #expect(try largestError(Kernels.erf, erf) < 1.2)
    }

    @Test("tanh and erf of the infinities are 1 and -1, of NaN NaN, of zeros the same zeros")
    func specialValues() throws {
        for kernel in [{ Kernels.cap($0, at: 1) }, Kernels.erf] as [(Matrix) -> Void] {
            let x = try TestMatrix(1, 18) { [.infinity, -.infinity, .nan, 0, -0.0, 1e-45][$1 % 6] }
            kernel(x.view)
            let results = x.view.elements()
            for start in stride(from: 0, to: 18, by: 6) {
                #expect(results[start] == 1 && results[start + 1] == -1 && results[start + 2].isNaN)
                #expect(
                    results[start + 3].bitPattern == 0 && results[start + 4].bitPattern == (-0.0 as Float).bitPattern
                )
                #expect(results[start + 5] == .leastNonzeroMagnitude)
            }
        }
    }
}
