internal import Compute

/// A weight's part of a backward pass, `gradient += dy^T x`: `gradient` is `[M, N]`, `dy` `[T, M]`, `x` `[T, N]`.
struct WeightProduct {
    /// Rows of a result are divided at multiples of what the library's kernels work on at a time.
    private static let rowStep = 16

    let gradient: Matrix
    let dy: Matrix
    let x: Matrix

    /// The part of the work, as far as all products have the same `T`.
    private var cost: Int { gradient.rows * gradient.columns }

    /// Adds the products of as many tokens in one phase, each thread an equal part of the elements of all results.
    ///
    /// So few results are cut, and the library packs few operands twice; and threads wait for each other once.
    static func add(_ products: [WeightProduct], team: ThreadTeam) {
        let total = products.reduce(0) { $0 + $1.cost }
        team.run("weight gradients") { thread in
            let share = team.share(of: total, thread: thread)
            var start = 0
            for product in products {
                product.add(rows: product.rows(of: share, start: start))
                start += product.cost
            }
        }
    }

    /// The rows that fall to a share of all elements, of which those of this product begin with number `start`.
    private func rows(of share: Range<Int>, start: Int) -> Range<Int> {
        func row(_ element: Int) -> Int {
            let steps = max(element - start, 0) / (gradient.columns * Self.rowStep)
            return element - start >= cost ? gradient.rows : steps * Self.rowStep
        }
        return row(share.lowerBound)..<row(share.upperBound)
    }

    private func add(rows: Range<Int>) {
        multiply(dy.columns(rows).transposed, x, into: gradient.rows(rows), accumulate: true)
    }
}
