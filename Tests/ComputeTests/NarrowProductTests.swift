internal import Compute
internal import TestSupport
internal import Testing

/// Products with a narrow operand, against sums in double.
struct NarrowProductTests {
    /// Rows, columns and inner dimension: those of adapters, with partial tiles, panels and blocks, and products without
    /// a narrow dimension, which the library computes.
    private static let shapes = [
        (1, 1, 1), (7, 16, 33), (8, 32, 256), (9, 31, 257), (37, 8, 600), (5, 48, 1), (53, 70, 16), (16, 45, 513),
        (12, 130, 12), (130, 12, 49), (49, 64, 50), (3, 200, 48),
    ]

    private func element(_ matrix: borrowing FramedMatrix, _ row: Int, _ column: Int, isTransposed: Bool) -> Double {
        Double(isTransposed ? matrix.view[column, row] : matrix.view[row, column])
    }

    @Test(
        "products equal the sums of their elements",
        arguments: [(false, false), (true, false), (false, true), (true, true)],
        [false, true]
    )
    func products(isTransposed: (left: Bool, right: Bool), accumulate: Bool) throws {
        for (rows, columns, depth) in Self.shapes {
            let a =
                try isTransposed.left
                ? FramedMatrix(depth, rows, frame: .nan) { noise(1 + $0 * 7919 + $1) }
                : FramedMatrix(rows, depth, frame: .nan) { noise(1 + $0 * 7919 + $1) }
            let b =
                try isTransposed.right
                ? FramedMatrix(columns, depth, frame: .nan) { noise(2 + $0 * 104_729 + $1) }
                : FramedMatrix(depth, columns, frame: .nan) { noise(2 + $0 * 104_729 + $1) }
            let c = try FramedMatrix(rows, columns) { noise(3 + $0 * 1299 + $1) }
            let before = c.doubles
            let scratch = try TestMatrix(1, NarrowProduct.scratchCount(rows: columns, columns: depth)) { _, _ in .nan }
            multiplyNarrow(
                isTransposed.left ? a.view.transposed : Operand(a.view),
                isTransposed.right ? b.view.transposed : Operand(b.view),
                into: c.view,
                accumulate: accumulate,
                scale: -1.5,
                scratch: isTransposed.right ? scratch.view : nil
            )
            var largest = 0.0
            for row in 0..<rows {
                for column in 0..<columns {
                    let sum = (0..<depth).reduce(0.0) {
                        $0 + element(a, row, $1, isTransposed: isTransposed.left)
                            * element(b, $1, column, isTransposed: isTransposed.right)
                    }
                    let expected = -1.5 * sum + (accumulate ? before[row * columns + column] : 0)
                    largest = max(largest, abs(Double(c.view[row, column]) - expected))
                }
            }
            // Rounding of sums of `depth` products of at most one.
            #expect(largest <= 3e-7 * (2 + Double(depth) / 2), "\(rows) × \(columns) × \(depth): \(largest)")
            c.expectFrameUnchanged()
        }
    }

    @Test("with too little scratch memory the library computes the product")
    func library() throws {
        let a = try TestMatrix(5, 70) { noise($0 * 70 + $1) }
        let b = try TestMatrix(49, 70) { noise(3 + $0 * 70 + $1) }
        let found = try FramedMatrix(5, 49)
        let expected = try FramedMatrix(5, 49)
        let scratch = try TestMatrix(1, NarrowProduct.scratchCount(rows: 49, columns: 70) - 1)
        multiplyNarrow(Operand(a.view), b.view.transposed, into: found.view, scratch: scratch.view)
        multiply(a.view, b.view.transposed, into: expected.view)
        #expect(found.doubles == expected.doubles)
        found.expectFrameUnchanged()
    }

    @Test("an element has the same bits in any part of a product, and without inner dimension the result is zero")
    func parts() throws {
        let a = try TestMatrix(40, 300) { noise($0 * 300 + $1) }
        let b = try TestMatrix(300, 40) { noise(9 + $0 * 40 + $1) }
        let whole = try TestMatrix(40, 40)
        let part = try TestMatrix(40, 40)
        multiplyNarrow(Operand(a.view), Operand(b.view), into: whole.view)
        for (rows, columns) in [(0..<13, 0..<16), (13..<14, 0..<16), (14..<40, 0..<16), (0..<40, 16..<40)] {
            let result = part.view.rows(rows).columns(columns)
            multiplyNarrow(Operand(a.view.rows(rows)), Operand(b.view.columns(columns)), into: result)
        }
        #expect(part.view.elements() == whole.view.elements())
        let empty = try TestMatrix(40, 0)
        multiplyNarrow(Operand(empty.view), Operand(b.view.rows(0..<0)), into: whole.view)
        #expect(whole.view.elements().allSatisfy { $0 == 0 })
        multiplyNarrow(Operand(empty.view), Operand(b.view.rows(0..<0)), into: part.view, accumulate: true)
        #expect(part.view.elements().contains { $0 != 0 })
    }
}
