internal import Compute
internal import TestSupport
internal import Testing

/// Products by the kernels of packed operands, against sums in double.
struct ProductsTests {
    /// Tokens, inputs and outputs: parts of tiles and of vectors in every direction, and several blocks of each.
    private static let shapes = [
        (1, 1, 1), (3, 5, 7), (8, 16, 48), (9, 33, 49), (32, 64, 32), (33, 100, 97), (17, 769, 15), (70, 385, 130),
        (5, 1600, 35), (1030, 18, 20), (21, 40, 400),
    ]

    /// The kernels that this processor runs; the others are named in `unavailable`.
    private static var kernels: [ProductKernel] { ProductKernel.allCases.filter(\.isAvailable) }

    private enum Product: CaseIterable { case forward, inputGradient, weightGradient }

    private func compute(
        _ product: Product,
        _ products: Products,
        _ a: Matrix,
        _ b: Matrix,
        firstIndex: Int = 0,
        into c: Matrix,
        accumulate: Bool = false
    ) {
        switch product {
        case .forward: products.forward(a, .float32(b), firstIndex: firstIndex, into: c, accumulate: accumulate)
        case .inputGradient:
            products.inputGradient(a, .float32(b), firstIndex: firstIndex, into: c, accumulate: accumulate)
        case .weightGradient: products.weightGradient(a, b, into: c, accumulate: accumulate)
        }
    }

    /// The shapes of both operands and of the result, and the inner dimension.
    private func shapes(
        _ product: Product,
        _ tokens: Int,
        _ inputs: Int,
        _ outputs: Int
    ) -> (
        a: (Int, Int), b: (Int, Int), c: (Int, Int), depth: Int
    ) {
        switch product {
        case .forward: ((tokens, inputs), (outputs, inputs), (tokens, outputs), inputs)
        case .inputGradient: ((tokens, outputs), (outputs, inputs), (tokens, inputs), outputs)
        case .weightGradient: ((tokens, outputs), (tokens, inputs), (outputs, inputs), tokens)
        }
    }

    /// The operands' elements by the result's row or column and the number along the inner dimension.
    private func element(_ product: Product, _ a: Matrix, _ b: Matrix, _ row: Int, _ column: Int, _ k: Int) -> Double {
        switch product {
        case .forward: Double(a[row, k]) * Double(b[column, k])
        case .inputGradient: Double(a[row, k]) * Double(b[k, column])
        case .weightGradient: Double(a[k, row]) * Double(b[k, column])
        }
    }

    /// Replaces elements by numbers of bfloat16, the nearest ones or those of the elements' thresholds.
    private func round(_ matrix: Matrix, isDithered: Bool) throws {
        let half = try HalfBuffer(count: matrix.columns, type: .bfloat16)
        let row = half.matrix(rows: 1, columns: matrix.columns)
        for index in 0..<matrix.rows {
            let source = matrix.rows(index..<index + 1)
            if isDithered {
                row.dither(source, from: index * matrix.stride)
            } else {
                row.round(source)
            }
            row.widen(into: matrix.rows(index..<index + 1))
        }
    }

    @Test("products equal the sums of the products of their operands' elements", arguments: kernels, [false, true])
    func sums(kernel: ProductKernel, accumulate: Bool) throws {
        for (tokens, inputs, outputs) in Self.shapes {
            for product in Product.allCases {
                let shapes = shapes(product, tokens, inputs, outputs)
                let a = try FramedMatrix(shapes.a.0, shapes.a.1, frame: .nan) { noise(1 + $0 * 7919 + $1) }
                let b = try FramedMatrix(shapes.b.0, shapes.b.1, frame: .nan) { noise(2 + $0 * 104_729 + $1) }
                let c = try FramedMatrix(shapes.c.0, shapes.c.1) { noise(3 + $0 * 1299 + $1) }
                let before = c.doubles
                compute(product, Products(.kernel(kernel)), a.view, b.view, into: c.view, accumulate: accumulate)
                if kernel.roundsOperands {
                    try round(a.view, isDithered: false)
                    try round(b.view, isDithered: product != .weightGradient)
                }
                var largest = 0.0
                for row in 0..<shapes.c.0 {
                    for column in 0..<shapes.c.1 {
                        let sum = (0..<shapes.depth).reduce(0.0) {
                            $0 + element(product, a.view, b.view, row, column, $1)
                        }
                        let expected = sum + (accumulate ? before[row * shapes.c.1 + column] : 0)
                        largest = max(largest, abs(Double(c.view[row, column]) - expected))
                    }
                }
                // Rounding of sums of `depth` products of at most one.
                let tolerance = 3e-7 * (2 + Double(shapes.depth) / 2)
                #expect(largest <= tolerance, "\(product) \(tokens) × \(inputs) × \(outputs): \(largest)")
                c.expectFrameUnchanged()
            }
        }
    }

    @Test("the kernels that this processor lacks are known", arguments: ProductKernel.allCases)
    func availability(kernel: ProductKernel) {
        switch kernel {
        case .portable, .bfloat16Model, .amxModel: #expect(kernel.isAvailable)
        case .avx2: #expect(kernel.isAvailable == [.avx2, .avx512, .halvedAVX512].contains(Processor.level))
        case .avx512: #expect(kernel.isAvailable == [.avx512, .halvedAVX512].contains(Processor.level))
        case .avx512BFloat16, .amx: #expect(!kernel.isAvailable || ProductKernel.avx512.isAvailable)
        }
        #expect(Products(name: kernel.rawValue) == Products(.kernel(kernel)))
    }

    @Test(
        "AVX512-BF16 and AMX compute the bits of their scalar models",
        arguments: [(ProductKernel.avx512BFloat16, ProductKernel.bfloat16Model), (.amx, .amxModel)]
    )
    func models(kernel: ProductKernel, model: ProductKernel) throws {
        guard kernel.isAvailable else {
            return print("skipped: this processor has no \(kernel.rawValue)")
        }
        // The instructions take subnormal numbers for zero, in operands, sums and results.
        for (tokens, inputs, outputs) in Self.shapes {
            for (product, scale) in zip(Product.allCases + Product.allCases, [1, 1, 1, 1e-38, 1e-38, 1e-19]) {
                let shapes = shapes(product, tokens, inputs, outputs)
                let a = try TestMatrix(shapes.a.0, shapes.a.1) { scale * noise(1 + $0 * 7919 + $1) * Double($1 % 7) }
                let other = scale == 1e-19 ? 1e-20 : 1
                let b = try TestMatrix(shapes.b.0, shapes.b.1) { other * noise(2 + $0 * 104_729 + $1) }
                let results = try [kernel, model].map {
                    let c = try TestMatrix(shapes.c.0, shapes.c.1)
                    compute(product, Products(.kernel($0)), a.view, b.view, into: c.view)
                    return c.view.elements().map(\.bitPattern)
                }
                #expect(results[0] == results[1], "\(product) \(tokens) × \(inputs) × \(outputs), \(scale)")
            }
        }
    }

    @Test("a result's bits do not depend on its place, nor on the rows and columns beside it", arguments: kernels)
    func places(kernel: ProductKernel) throws {
        let products = Products(.kernel(kernel))
        // One block of the inner dimension, and several, whose sums are added.
        for (product, depth) in Product.allCases.flatMap({ product in [61, 900].map { (product, $0) } }) {
            let (left, right) = (product == .weightGradient, product == .forward)
            let a = try TestMatrix(left ? depth : 61, left ? 61 : depth) { noise($0 * 907 + $1) }
            let b = try TestMatrix(right ? 61 : depth, right ? depth : 61) { noise(9 + $0 * 907 + $1) }
            let whole = try TestMatrix(61, 61) { noise($0 * 7 + $1) }
            let part = try TestMatrix(61, 61) { noise($0 * 7 + $1) }
            compute(product, products, a.view, b.view, into: whole.view, accumulate: true)
            for (rows, columns) in [(0..<13, 0..<16), (13..<14, 0..<16), (14..<61, 0..<16), (0..<61, 16..<61)] {
                compute(
                    product,
                    products,
                    left ? a.view.columns(rows) : a.view.rows(rows),
                    right ? b.view.rows(columns) : b.view.columns(columns),
                    firstIndex: columns.lowerBound * (right ? b.view.stride : 1),
                    into: part.view.rows(rows).columns(columns),
                    accumulate: true
                )
            }
            #expect(part.view.elements() == whole.view.elements(), "\(product), \(depth)")
        }
    }

    @Test(
        "products with a 16-bit weight have the bits of those with the same weight in float32",
        arguments: kernels,
        HalfType.allCases
    )
    func stored(kernel: ProductKernel, type: HalfType) throws {
        let products = Products(.kernel(kernel))
        for (tokens, inputs, outputs) in Self.shapes {
            let buffer = try HalfBuffer(count: (outputs + 1) * (inputs + 3), type: type)
            let whole = buffer.matrix(rows: outputs + 1, columns: inputs + 3)
            let values = try TestMatrix(outputs + 1, inputs + 3) { noise($0 * 7919 + $1) * ($1 % 5 == 0 ? 1e-6 : 1) }
            whole.round(values.view)
            let half = whole.rows(1..<outputs + 1).columns(3..<inputs + 3)
            // At the same distance of rows, so that elements have the same thresholds.
            let widened = try TestMatrix(outputs, inputs + 3)
            half.widen(into: widened.view.columns(0..<inputs))
            let x = try TestMatrix(tokens, inputs) { noise(1 + $0 * 5000 + $1) }
            let dy = try TestMatrix(tokens, outputs) { noise(4 + $0 * 5000 + $1) }
            let results = try [StoredMatrix.half(half), .float32(widened.view.columns(0..<inputs))].map {
                let y = try TestMatrix(tokens, outputs)
                let dx = try TestMatrix(tokens, inputs)
                products.forward(x.view, $0, into: y.view)
                products.inputGradient(dy.view, $0, into: dx.view)
                return y.view.elements() + dx.view.elements()
            }
            #expect(results[0] == results[1], "\(tokens) × \(inputs) × \(outputs)")
        }
    }

    @Test(
        "an update that is smaller than the spacing of bfloat16 moves sums of products by as much as in float32",
        arguments: kernels.filter(\.roundsOperands)
    )
    func updates(kernel: ProductKernel) throws {
        // Numbers of bfloat16, whose sums over both dimensions change by 1/40 of the spacing of each.
        let (inputs, outputs, update) = (768, 512, Float(0x1p-9 / 40))
        let weight = try TestMatrix(outputs, inputs) { _, _ in 0.25 }
        let x = try TestMatrix(1, inputs) { _, _ in 1 }
        let dy = try TestMatrix(1, outputs) { _, _ in 1 }
        func sums() throws -> [Double] {
            let y = try TestMatrix(1, outputs)
            let dx = try TestMatrix(1, inputs)
            Products(.kernel(kernel)).forward(x.view, .float32(weight.view), into: y.view)
            Products(.kernel(kernel)).inputGradient(dy.view, .float32(weight.view), into: dx.view)
            return [y.view.elements(), dx.view.elements()].map { $0.reduce(0) { $0 + Double($1) } }
        }
        let before = try sums()
        #expect(before == [Double](repeating: 0.25 * Double(inputs * outputs), count: 2))
        for row in 0..<outputs {
            for column in 0..<inputs { weight.view[row, column] += update }
        }
        let expected = Double(update) * Double(inputs * outputs)
        // Both passes round the same elements; to nearest, all of them would stay.
        let changes = zip(try sums(), before).map { $0 - $1 }
        #expect(changes[0] == changes[1] && abs(changes[0] / expected - 1) < 0.05, "\(changes), not \(expected)")
    }

    @Test("NaN and infinity in an operand reach every result that depends on them, and no other", arguments: kernels)
    func nonFinite(kernel: ProductKernel) throws {
        let x = try TestMatrix(11, 50) { noise($0 * 50 + $1) }
        let weight = try TestMatrix(37, 50) { noise(9 + $0 * 50 + $1) }
        x.view[3, 49] = .nan
        weight.view[36, 0] = .infinity
        let y = try TestMatrix(11, 37)
        Products(.kernel(kernel)).forward(x.view, .float32(weight.view), into: y.view)
        for row in 0..<11 {
            for column in 0..<37 {
                #expect(y.view[row, column].isFinite == (row != 3 && column != 36), "\(row), \(column)")
            }
        }
    }

    @Test("without inner dimension the result is zero, or stays if it is added to", arguments: kernels)
    func empty(kernel: ProductKernel) throws {
        let products = Products(.kernel(kernel))
        let x = try TestMatrix(5, 0)
        let weight = try TestMatrix(7, 0)
        let y = try TestMatrix(5, 7) { noise($0 + $1) }
        let before = y.view.elements()
        products.forward(x.view, .float32(weight.view), into: y.view, accumulate: true)
        #expect(y.view.elements() == before)
        products.forward(x.view, .float32(weight.view), into: y.view)
        #expect(y.view.elements().allSatisfy { $0 == 0 })
        products.forward(x.view.rows(0..<0), .float32(weight.view), into: y.view.rows(0..<0))
    }

    @Test("the check before use finds no difference in any kernel, and a rate is measured", arguments: kernels)
    func trial(kernel: ProductKernel) throws {
        #expect(try ProductTrial.difference(of: Products(.kernel(kernel))) < 1e-5)
        #expect(try ProductTrial.difference(of: Products(.library)) == 0)
        let team = ThreadTeam.start(count: 2)
        // A scalar model of an instruction takes seconds.
        let timed =
            [.bfloat16Model, .amxModel].contains(kernel) ? [] : [Products(.kernel(kernel)), Products(.library)]
        let rates = try ProductTrial.rates(of: timed, team: team, rounds: 1)
        for index in timed.indices { #expect(rates.best(index) > 0 && rates.ratio(index, over: 0) > 0) }
    }
}
