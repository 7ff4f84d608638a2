internal import Compute
internal import TestSupport
internal import Testing

/// Gathering, scattering and summing of rows: the small operations between the products.
struct RowMovementTests {
    @Test("adding scattered rows is the gradient of gathering them, also when a row is gathered twice")
    func gatherAndScatter() throws {
        let (width, indices): (Int, [Int32]) = (17, [4, 0, 4, 2])
        let x = try TestMatrix(5, width) { noise($0 * width + $1) }
        let dy = try TestMatrix(4, width) { noise(1000 + $0 * width + $1) }
        let y = try TestMatrix(4, width)
        y.view.gather(x.view, rows: indices[...])
        #expect(y.doubles == indices.flatMap { index in (0..<width).map { Double(x.view[Int(index), $0]) } })

        let dx = try TestMatrix(5, width) { row, _ in row == 2 ? 5 : 0 }
        dx.view.scatterAdd(dy.view, rows: indices[...])
        let direction = dy.doubles
        func loss(_ x: [Double]) -> Double {
            indices.enumerated().reduce(0) { sum, place in
                (0..<width).reduce(sum) {
                    $0 + x[Int(place.element) * width + $1] * direction[place.offset * width + $1]
                }
            }
        }
        let expected = centralDifferences(loss, at: x.doubles).enumerated().map { $1 + ($0 / width == 2 ? 5 : 0) }
        #expect(relativeError(dx.doubles, expected) < 1e-6)
        #expect((0..<width).allSatisfy { dx.view[1, $0] == 0 && dx.view[3, $0] == 0 })
    }

    @Test("scattering replaces rows and leaves the others unchanged")
    func scatter() throws {
        let source = try TestMatrix(2, 3) { Double(10 * $0 + $1) }
        let rows = try TestMatrix(4, 3) { _, _ in -1 }
        rows.view.scatter(source.view, rows: ([3, 1] as [Int32])[...])
        #expect(rows.doubles == [-1, -1, -1, 10, 11, 12, -1, -1, -1, 0, 1, 2])
    }

    @Test("views of columns and rows do not change adjacent elements")
    func views() throws {
        let whole = try TestMatrix(4, 5) { Double(5 * $0 + $1) }
        whole.view.rows(1..<3).columns(2..<4).fill(-1)
        let other = try TestMatrix(2, 2) { _, _ in 100 }
        whole.view.rows(2..<4).columns(0..<2).add(other.view)
        #expect(
            whole.doubles == [
                0, 1, 2, 3, 4, 5, 6, -1, -1, 9, 110, 111, -1, -1, 14, 115, 116, 17, 18, 19,
            ]
        )
    }

    @Test("scaling and adding a multiple follow the formula, within views", arguments: [1, 15, 16, 17, 33])
    func multiples(width: Int) throws {
        let x = try FramedMatrix(3, width) { noise($0 * 40 + $1) }
        let y = try FramedMatrix(3, width) { noise(500 + $0 * 40 + $1) }
        let sum = zip(y.doubles, x.doubles).map { $0 + 0.3 * $1 }
        y.view.add(x.view, scaledBy: 0.3)
        #expect(relativeError(y.doubles, sum) < 2e-7)
        let product = x.view.elements().map { $0 * 0.3 }
        x.view.scale(by: 0.3)
        #expect(x.view.elements() == product)
        x.expectFrameUnchanged()
        y.expectFrameUnchanged()
    }

    @Test("sums of squares are accumulated in double, over rows of any width", arguments: [1, 15, 16, 17, 100])
    func sumOfSquares(width: Int) throws {
        let x = try TestMatrix(3, width + 2) { 1e3 * noise($0 * 200 + $1) }
        let inner = x.view.columns(1..<width + 1)
        let expected = inner.elements().reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(Kernels.sumOfSquares(inner) - expected) <= 1e-14 * expected)
        // Float32 would lose the ones, and overflow.
        let large = try TestMatrix(1, 3) { [1e20, 1, 1e20][$1] }
        #expect(Kernels.sumOfSquares(large.view) == 2 * Double(Float(1e20)) * Double(Float(1e20)))
        let mixed = try TestMatrix(1, 3) { [4096, 1, 1][$1] }
        #expect(Kernels.sumOfSquares(mixed.view) == 16_777_218)
    }

    @Test("row dot products are the sums of products", arguments: [1, 16, 33])
    func rowDots(width: Int) throws {
        let a = try TestMatrix(4, width) { noise($0 * 50 + $1) }
        let b = try TestMatrix(4, width) { noise(500 + $0 * 50 + $1) }
        let delta = try TestMatrix(1, 4)
        Kernels.rowDots(a.view, b.view, into: delta.view)
        for row in 0..<4 {
            let expected = (0..<width).reduce(0.0) { $0 + Double(a.view[row, $1]) * Double(b.view[row, $1]) }
            // Some units in the last place of the largest partial sum.
            #expect(abs(Double(delta.view[0, row]) - expected) < 1e-6 * Double(width).squareRoot())
        }
    }
}
