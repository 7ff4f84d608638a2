internal import Compute
internal import Foundation
internal import TestSupport
internal import Testing

/// A norm, its formula in float64, and its kernels.
enum NormCase: CaseIterable, Sendable {
    case rms, rmsOfOnePlusWeight, layer, layerWithBias

    private var offset: Double { self == .rmsOfOnePlusWeight ? 1 : 0 }
    private var centers: Bool { self == .layer || self == .layerWithBias }
    var hasBias: Bool { self == .layerWithBias }
    /// Large enough for rows of one element, which a LayerNorm divides by its root.
    var epsilon: Double { centers ? 1e-2 : 1e-5 }

    func formula(_ x: [Double], weight: [Double], bias: [Double]) -> [Double] {
        let width = weight.count
        return stride(from: 0, to: x.count, by: width).flatMap { start in
            let row = x[start..<start + width]
            let center = centers ? row.reduce(0, +) / Double(width) : 0
            let square = row.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(width)
            return row.enumerated().map { index, x in
                (x - center) / (square + epsilon).squareRoot() * (offset + weight[index]) + (hasBias ? bias[index] : 0)
            }
        }
    }

    func forward(_ x: Matrix, weight: Matrix, bias: Matrix, into y: Matrix) {
        if centers {
            Kernels.layerNormalize(x, weight: weight, bias: hasBias ? bias : nil, epsilon: Float(epsilon), into: y)
        } else {
            Kernels.normalize(x, weight: weight, offset: Float(offset), epsilon: Float(epsilon), into: y)
        }
    }

    func backward(
        _ x: Matrix,
        weight: Matrix,
        dy: Matrix,
        residual: Matrix?,
        into dx: Matrix,
        dweight: Matrix,
        dbias: Matrix
    ) {
        if centers {
            Kernels.layerNormalizeBackward(
                x,
                weight: weight,
                epsilon: Float(epsilon),
                dy: dy,
                residual: residual,
                into: dx,
                dweight: dweight,
                dbias: hasBias ? dbias : nil
            )
        } else {
            Kernels.normalizeBackward(
                x,
                weight: weight,
                offset: Float(offset),
                epsilon: Float(epsilon),
                dy: dy,
                residual: residual,
                into: dx,
                dweight: dweight
            )
        }
    }
}

/// Norms against their formulas and central differences in float64; float32 sums of up to 67 terms agree to some ten
/// units in the last place.
struct NormKernelTests {
    private static let widths = [1, 2, 15, 16, 17, 33, 67]
    private static let tolerance = 4e-6
    private let rows = 3

    @Test("a norm and its gradients follow the formula", arguments: NormCase.allCases, widths)
    func formula(norm: NormCase, width: Int) throws {
        let x = try FramedMatrix(rows, width) { noise($0 * width + $1) }
        let weight = try TestMatrix(1, width) { 1 + 0.3 * noise(1000 + $1) }
        let bias = try TestMatrix(1, width) { 0.3 * noise(1500 + $1) }
        let dy = try FramedMatrix(rows, width) { noise(2000 + $0 * width + $1) }
        let residual = try FramedMatrix(rows, width) { noise(3000 + $0 * width + $1) }
        let (input, scale, shift, direction) = (x.doubles, weight.doubles, bias.doubles, dy.doubles)
        let bypass = residual.doubles

        let y = try FramedMatrix(rows, width)
        norm.forward(x.view, weight: weight.view, bias: bias.view, into: y.view)
        #expect(relativeError(y.doubles, norm.formula(input, weight: scale, bias: shift)) < Self.tolerance)

        let dx = try FramedMatrix(rows, width)
        let dweight = try TestMatrix(1, width)
        let dbias = try TestMatrix(1, width)
        norm.backward(
            x.view,
            weight: weight.view,
            dy: dy.view,
            residual: residual.view,
            into: dx.view,
            dweight: dweight.view,
            dbias: dbias.view
        )
        func loss(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> Double {
            dot(norm.formula(x, weight: weight, bias: bias), direction)
        }
        let byX = zip(centralDifferences({ loss($0, scale, shift) }, at: input), bypass).map(+)
        #expect(relativeError(dx.doubles, byX) < Self.tolerance)
        let byWeight = centralDifferences({ loss(input, $0, shift) }, at: scale)
        #expect(relativeError(dweight.doubles, byWeight) < Self.tolerance)
        let byBias = centralDifferences({ loss(input, scale, $0) }, at: shift)
        #expect(relativeError(dbias.doubles, byBias) < Self.tolerance)
        x.expectFrameUnchanged()
        y.expectFrameUnchanged()
        dx.expectFrameUnchanged()
    }

    /// The gradients of inputs that depend on the norm and width only.
    private func gradients(
        _ norm: NormCase,
        width: Int,
        started: Double,
        _ target: (_ dy: Matrix, _ residual: Matrix) -> (residual: Matrix?, dx: Matrix)
    ) throws -> (dx: [Float], dweight: [Float], dbias: [Float]) {
        let x = try FramedMatrix(rows, width) { noise($0 * width + $1) }
        let weight = try TestMatrix(1, width) { 1 + 0.3 * noise(1000 + $1) }
        let dy = try FramedMatrix(rows, width) { noise(2000 + $0 * width + $1) }
        let residual = try FramedMatrix(rows, width) { noise(3000 + $0 * width + $1) }
        let dweight = try TestMatrix(1, width) { _, _ in started }
        let dbias = try TestMatrix(1, width) { _, _ in started }
        let (bypass, dx) = target(dy.view, residual.view)
        norm.backward(
            x.view,
            weight: weight.view,
            dy: dy.view,
            residual: bypass,
            into: dx,
            dweight: dweight.view,
            dbias: dbias.view
        )
        return (dx.elements(), dweight.view.elements(), dbias.view.elements())
    }

    @Test("a norm's gradient may overwrite the residual or that of the output", arguments: NormCase.allCases, widths)
    func inPlace(norm: NormCase, width: Int) throws {
        let other = try FramedMatrix(rows, width)
        let apart = try gradients(norm, width: width, started: 0) { _, residual in (residual, other.view) }
        let inResidual = try gradients(norm, width: width, started: 0) { _, residual in (residual, residual) }
        let inOutput = try gradients(norm, width: width, started: 0) { dy, residual in (residual, dy) }
        #expect(inResidual.dx == apart.dx && inOutput.dx == apart.dx)
        #expect(inResidual.dweight == apart.dweight && inOutput.dweight == apart.dweight)
        #expect(apart.dx.contains { $0 != 0 })
    }

    @Test("without a residual the norm's gradient is that of a residual of zero", arguments: NormCase.allCases, widths)
    func withoutResidual(norm: NormCase, width: Int) throws {
        let other = try FramedMatrix(rows, width)
        let zero = try FramedMatrix(rows, width)
        let with = try gradients(norm, width: width, started: 0) { _, _ in (zero.view, other.view) }
        let without = try gradients(norm, width: width, started: 0) { _, _ in (nil, other.view) }
        let inOutput = try gradients(norm, width: width, started: 0) { dy, _ in (nil, dy) }
        #expect(without.dx == with.dx && inOutput.dx == with.dx)
    }

    @Test("the gradients of a norm's parameters are added", arguments: NormCase.allCases)
    func accumulation(norm: NormCase) throws {
        let other = try FramedMatrix(rows, 17)
        let fresh = try gradients(norm, width: 17, started: 0) { _, _ in (nil, other.view) }
        let added = try gradients(norm, width: 17, started: 10) { _, _ in (nil, other.view) }
        #expect(zip(fresh.dweight, added.dweight).allSatisfy { abs($0 + 10 - $1) < 1e-5 && $0 != 0 })
        // A norm without bias leaves the memory of its gradient unchanged.
        let bias = norm.hasBias ? fresh.dbias.map { $0 + 10 } : Array(repeating: 10, count: 17)
        #expect(zip(bias, added.dbias).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test("a weight of -0 keeps its sign without an offset")
    func negativeZero() throws {
        let x = try TestMatrix(1, 17) { _, _ in 1 }
        let weight = try TestMatrix(1, 17) { _, _ in -0.0 }
        let y = try TestMatrix(1, 17)
        Kernels.normalize(x.view, weight: weight.view, epsilon: 1e-5, into: y.view)
        #expect(y.view.elements().allSatisfy { $0 == 0 && $0.sign == .minus })
    }

    @Test("a large mean does not cancel the variance of a LayerNorm")
    func largeMean() throws {
        let x = try TestMatrix(1, 67) { 1000 + noise($1) }
        let weight = try TestMatrix(1, 67) { _, _ in 1 }
        let y = try TestMatrix(1, 67)
        NormCase.layer.forward(x.view, weight: weight.view, bias: weight.view, into: y.view)
        // The mean is rounded to some units in the last place of 1000, 6e-5; its square would be off by 0.06.
        let expected = NormCase.layer.formula(x.doubles, weight: weight.doubles, bias: [])
        #expect(relativeError(y.doubles, expected) < 2e-4)
    }

    @Test("NaN propagates through a norm and its gradient", arguments: NormCase.allCases)
    func notANumber(norm: NormCase) throws {
        let x = try TestMatrix(2, 33) { $0 == 0 && $1 == 20 ? .nan : noise($0 * 33 + $1) }
        let weight = try TestMatrix(1, 33) { _, _ in 1 }
        let y = try TestMatrix(2, 33)
        norm.forward(x.view, weight: weight.view, bias: weight.view, into: y.view)
        #expect(y.view.rows(0..<1).elements().allSatisfy { $0.isNaN })
        #expect(!y.view.rows(1..<2).elements().contains { $0.isNaN })
        let dweight = try TestMatrix(1, 33)
        let dbias = try TestMatrix(1, 33)
        let dy = try TestMatrix(2, 33) { $0 == 1 && $1 == 32 ? .nan : 1 }
        norm.backward(
            x.view,
            weight: weight.view,
            dy: dy.view,
            residual: nil,
            into: y.view,
            dweight: dweight.view,
            dbias: dbias.view
        )
        #expect(y.view.elements().allSatisfy { $0.isNaN })
        #expect(dweight.view[0, 20].isNaN && dweight.view[0, 32].isNaN)
    }
}
