internal import Compute
internal import TestSupport
internal import Testing

/// The library's products with weights of 16 bits, against its products with the same weights in float32.
struct StoredMatrixTests {
    /// A 16-bit matrix within a larger one, and its elements as float32.
    private struct Weight: ~Copyable {
        private let buffer: HalfBuffer
        let stored: StoredMatrix
        let widened: TestMatrix

        init(_ rows: Int, _ columns: Int, _ type: HalfType, margin: Int = 3, skipped: Int = 2) throws {
            let buffer = try HalfBuffer(count: (rows + skipped) * (columns + margin), type: type)
            let whole = buffer.matrix(rows: rows + skipped, columns: columns + margin)
            let values = try TestMatrix(rows + skipped, columns + margin) { noise($0 * 7919 + $1) }
            let widened = try TestMatrix(rows, columns)
            whole.round(values.view)
            let inner = whole.columns(margin..<margin + columns).rows(skipped..<skipped + rows)
            inner.widen(into: widened.view)
            stored = .half(whole.columns(margin..<margin + columns)).rows(skipped..<skipped + rows)
            self.buffer = consume buffer
            self.widened = consume widened
        }
    }

    private let library = Products(.library)

    private static let shapes = [
        (1, 1), (3, 5), (16, 16), (17, 383), (384, 384), (385, 31), (33, 385), (1, 1153), (769, 2), (64, 3073),
        (3073, 7), (3089, 401),
    ]

    private func scratch(for weight: StoredMatrix) throws -> TestMatrix {
        try TestMatrix(1, StoredMatrix.scratchCount(rows: weight.rows, columns: weight.columns)) { _, _ in .nan }
    }

    @Test(
        "products with a 16-bit weight are those with the same weight in float32",
        arguments: HalfType.allCases,
        [false, true]
    )
    func products(type: HalfType, accumulate: Bool) throws {
        for (rows, columns) in Self.shapes {
            let weight = try Weight(rows, columns, type)
            let scratch = try scratch(for: weight.stored)
            for tokens in [1, 5, 18] {
                let x = try FramedMatrix(tokens, columns) { noise(1 + $0 * 5000 + $1) }
                let y = try FramedMatrix(tokens, rows) { noise(2 + $0 * 5000 + $1) }
                let expected = try TestMatrix(tokens, rows) { noise(2 + $0 * 5000 + $1) }
                library.forward(x.view, weight.stored, into: y.view, accumulate: accumulate, scratch: scratch.view)
                multiply(x.view, weight.widened.view.transposed, into: expected.view, accumulate: accumulate)
                expectEqual(y, expected, terms: columns)

                let dx = try FramedMatrix(tokens, columns) { noise(3 + $0 * 5000 + $1) }
                let dy = try FramedMatrix(tokens, rows) { noise(4 + $0 * 5000 + $1) }
                let gradient = try TestMatrix(tokens, columns) { noise(3 + $0 * 5000 + $1) }
                library.inputGradient(
                    dy.view,
                    weight.stored,
                    into: dx.view,
                    accumulate: accumulate,
                    scratch: scratch.view
                )
                multiply(dy.view, weight.widened.view, into: gradient.view, accumulate: accumulate)
                expectEqual(dx, gradient, terms: rows)
                y.expectFrameUnchanged()
                dx.expectFrameUnchanged()
            }
        }
    }

    /// Equal up to the rounding of sums of `terms` products in another order: partial sums grow with the root of their
    /// number, and so do the errors in units of them.
    private func expectEqual(_ result: borrowing FramedMatrix, _ expected: borrowing TestMatrix, terms: Int) {
        let tolerance = 1.2e-7 * (1 + Double(terms) / 2)
        let differences = zip(result.doubles, expected.doubles).map { abs($0 - $1) }
        #expect(differences.allSatisfy { $0 <= tolerance }, "largest \(differences.max()!), tolerance \(tolerance)")
    }

    @Test("a product with a 16-bit weight has the same bits at every call, in larger scratch memory too")
    func determinism() throws {
        let weight = try Weight(700, 800, .bfloat16)
        let x = try TestMatrix(9, 800) { noise($0 * 800 + $1) }
        let results = try [0, 0, 12345].map { more in
            let count = StoredMatrix.scratchCount(rows: 700, columns: 800)
            let scratch = try TestMatrix(1, count + more)
            let y = try TestMatrix(9, 700)
            library.forward(x.view, weight.stored, into: y.view, scratch: scratch.view)
            return y.view.elements()
        }
        #expect(results[0] == results[1] && results[0] == results[2])
        #expect(results[0].contains { $0 != 0 })
    }

    @Test("products with a float32 weight have the bits of the products that they are")
    func float32() throws {
        let weight = try TestMatrix(37, 1000) { noise($0 * 1000 + $1) }
        let x = try TestMatrix(11, 1000) { noise(9 + $0 * 1000 + $1) }
        let y = try TestMatrix(11, 20)
        let expected = try TestMatrix(11, 20)
        let stored = StoredMatrix.float32(weight.view).rows(10..<30)
        library.forward(x.view, stored, into: y.view)
        multiply(x.view, weight.view.rows(10..<30).transposed, into: expected.view)
        #expect(y.view.elements() == expected.view.elements())
        let dx = try TestMatrix(11, 1000)
        let gradient = try TestMatrix(11, 1000)
        library.inputGradient(y.view, stored, into: dx.view)
        multiply(y.view, weight.view.rows(10..<30), into: gradient.view)
        #expect(dx.view.elements() == gradient.view.elements())
        #expect(stored.matrix != nil && stored.rows == 20 && stored.columns == 1000)
    }

    @Test("gathering widens rows of a 16-bit matrix, in any order and repeatedly", arguments: HalfType.allCases)
    func gather(type: HalfType) throws {
        let weight = try Weight(6, 19, type)
        let indices: [Int32] = [5, 0, 3, 3]
        let y = try FramedMatrix(4, 19)
        y.view.gather(weight.stored, rows: indices[...])
        #expect(y.view.elements() == indices.flatMap { weight.widened.view.rows(Int($0)..<Int($0) + 1).elements() })
        y.expectFrameUnchanged()
    }
}
