/// Products of typical shapes, by which methods are compared and checked before they are used.
package enum ProductTrial {
    /// The sizes of the timed products, which take 10 ms each at 75 GFLOP/s.
    private static let timed = Shape(tokens: 512, inputs: 768, outputs: 1024)
    /// Those of the checked ones: parts of tiles in every direction, and several blocks of the inner dimension.
    private static let checked = [
        Shape(tokens: 37, inputs: 75, outputs: 53), Shape(tokens: 100, inputs: 1601, outputs: 101),
        Shape(tokens: 803, inputs: 50, outputs: 49),
    ]

    private struct Shape {
        let tokens: Int
        let inputs: Int
        let outputs: Int
    }

    /// The operands and results of the three products of a layer.
    private struct Operands {
        let x: Matrix
        let weight: Matrix
        let dy: Matrix
        let y: Matrix
        let dx: Matrix
        let dweight: Matrix

        static func count(_ shape: Shape) -> Int {
            2 * (shape.tokens * (shape.inputs + shape.outputs) + shape.inputs * shape.outputs)
        }

        init(_ shape: Shape, in buffer: borrowing FloatBuffer, at start: Int) {
            var next = start
            func matrix(_ rows: Int, _ columns: Int) -> Matrix {
                defer { next += rows * columns }
                return buffer.matrix(at: next, rows: rows, columns: columns)
            }
            x = matrix(shape.tokens, shape.inputs)
            weight = matrix(shape.outputs, shape.inputs)
            dy = matrix(shape.tokens, shape.outputs)
            y = matrix(shape.tokens, shape.outputs)
            dx = matrix(shape.tokens, shape.inputs)
            dweight = matrix(shape.outputs, shape.inputs)
        }

        var results: [Matrix] { [y, dx, dweight] }

        /// Sets the operands to numbers of bfloat16 in `-0.5..<0.5`, without a pattern that hides a wrong place.
        func fill() {
            var state: UInt32 = 1
            for operand in [x, weight, dy] {
                for row in 0..<operand.rows {
                    for column in 0..<operand.columns {
                        state = state &* 1_664_525 &+ 1_013_904_223
                        operand[row, column] = Float(state >> 25) / 128 - 0.5
                    }
                }
            }
        }

        func compute(_ products: Products) {
            products.forward(x, .float32(weight), into: y)
            products.inputGradient(dy, .float32(weight), into: dx)
            products.weightGradient(dy, x, into: dweight)
        }
    }

    /// The rates of some methods, measured in turn.
    package struct Rates: Sendable {
        /// For each method the FLOP/s of each round.
        private let rounds: [[Double]]

        init(_ rounds: [[Double]]) { self.rounds = rounds }

        /// The FLOP/s of a method's fastest round.
        package func best(_ index: Int) -> Double { rounds[index].max() ?? 0 }

        /// The speed of a method relative to another one: the median over rounds, since a round may be disturbed.
        package func ratio(_ index: Int, over other: Int) -> Double {
            let ratios = zip(rounds[index], rounds[other]).map { $0 / $1 }.sorted()
            return ratios.isEmpty ? 0 : ratios[ratios.count / 2]
        }
    }

    /// Measures the FLOP/s at which all threads of the team compute a layer's three products, each thread its own, by each
    /// method.
    ///
    /// The methods take turns, so that a slow phase of the machine affects all.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package static func rates(of methods: [Products], team: ThreadTeam, rounds: Int = 7) throws -> Rates {
        let threads = min(team.count, Processor.availableCount)
        let count = Operands.count(timed)
        let buffer = try FloatBuffer(count: threads * count)
        let operands = (0..<threads).map { Operands(timed, in: buffer, at: $0 * count) }
        team.run("products") { thread in if thread < threads { operands[thread].fill() } }
        let flops = Double(6 * timed.tokens * timed.inputs * timed.outputs * threads)
        var rates = methods.map { _ in [Double]() }
        for _ in 0..<rounds {
            for (index, products) in methods.enumerated() {
                let time = ContinuousClock().measure {
                    team.run("products") { thread in if thread < threads { operands[thread].compute(products) } }
                }
                rates[index].append(flops / (time / .seconds(1)))
            }
        }
        return Rates(rates)
    }

    /// The largest difference of any element from the library's, relative to the largest element.
    ///
    /// The operands are numbers of bfloat16, whose products are exact: only the order of sums differs, by some `1e-6`.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package static func difference(of products: Products) throws -> Double {
        try checked.map { shape in
            let count = Operands.count(shape)
            let buffer = try FloatBuffer(count: 2 * count)
            let (own, library) = (Operands(shape, in: buffer, at: 0), Operands(shape, in: buffer, at: count))
            own.fill()
            library.fill()
            own.compute(products)
            library.compute(Products(.library))
            return zip(own.results, library.results).map(difference).max() ?? 0
        }.max() ?? 0
    }

    private static func difference(_ a: Matrix, _ b: Matrix) -> Double {
        var (difference, size) = (0.0, 0.0)
        for row in 0..<a.rows {
            for column in 0..<a.columns {
                let (x, y) = (Double(a[row, column]), Double(b[row, column]))
                // Written so that NaN counts.
                if !(abs(x - y) <= difference) { difference = abs(x - y) }
                size = max(size, abs(y))
            }
        }
        return difference / size
    }
}
