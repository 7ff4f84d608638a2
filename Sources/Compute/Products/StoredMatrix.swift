/// A weight matrix as it is stored: in float32, or in 16 bits.
///
/// Products convert 16-bit elements as they pack them; those of the library widen them to float32 block by block, in scratch
/// memory of the caller, and never the whole matrix.
package enum StoredMatrix: Sendable {
    case float32(Matrix)
    case half(HalfMatrix)

    /// The number of outputs of a weight `[M, N]`.
    package var rows: Int {
        switch self {
        case .float32(let matrix): matrix.rows
        case .half(let matrix): matrix.rows
        }
    }

    /// The number of inputs of a weight `[M, N]`.
    package var columns: Int {
        switch self {
        case .float32(let matrix): matrix.columns
        case .half(let matrix): matrix.columns
        }
    }

    /// The matrix if it is stored in float32; nil if in 16 bits.
    package var matrix: Matrix? {
        guard case .float32(let matrix) = self else { return nil }
        return matrix
    }

    /// A view of the rows in `range`.
    package func rows(_ range: Range<Int>) -> StoredMatrix {
        switch self {
        case .float32(let matrix): .float32(matrix.rows(range))
        case .half(let matrix): .half(matrix.rows(range))
        }
    }

    /// The transpose, as an operand of `multiply`; no elements are copied.
    var transposed: Transposed { Transposed(matrix: self) }

    /// The transpose of a stored matrix.
    struct Transposed {
        let matrix: StoredMatrix
    }

    /// The scratch elements that products with a 16-bit matrix of `rows × columns` need at most; float32 needs none.
    package static func scratchCount(rows: Int, columns: Int) -> Int {
        // The largest block of either product.
        let sides = [(rows, columns), (columns, rows)]
        return sides.map { min($0, Blocks.width) * min($1, Blocks.depth) }.max() ?? 0
    }
}

/// The library's product `y = x Wᵀ`, or `y += x Wᵀ` if `accumulate` is set, on the calling thread only.
///
/// - Parameters:
///   - x: `[T, N]`.
///   - weight: `W`, `[M, N]`.
///   - y: `[T, M]`, not overlapping the others.
///   - scratch: Contiguous, with at least `StoredMatrix.scratchCount` elements, overwritten; nil only for float32.
func multiply(
    _ x: Matrix,
    _ weight: StoredMatrix.Transposed,
    into y: Matrix,
    accumulate: Bool = false,
    scratch: Matrix?
) {
    switch weight.matrix {
    case .float32(let matrix): multiply(x, matrix.transposed, into: y, accumulate: accumulate)
    case .half(let matrix):
        precondition(y.columns == matrix.rows && x.columns == matrix.columns, "a product's shapes agree")
        guard y.rows > 0 else { return }
        let blocks = Blocks(scratch, width: Blocks.width(tokens: x.rows))
        blocks.forEach(width: matrix.rows, depth: matrix.columns) { outputs, inputs, block in
            let widened = block.reshaped(rows: outputs.count, columns: inputs.count)
            matrix.rows(outputs).columns(inputs).widen(into: widened)
            let adds = accumulate || inputs.lowerBound > 0
            multiply(x.columns(inputs), widened.transposed, into: y.columns(outputs), accumulate: adds)
        }
    }
}

/// The library's product `dx = dy W`, or `dx += dy W` if `accumulate` is set, on the calling thread only.
///
/// - Parameters:
///   - dy: `[T, M]`.
///   - weight: `W`, `[M, N]`.
///   - dx: `[T, N]`, not overlapping the others.
///   - scratch: Contiguous, with at least `StoredMatrix.scratchCount` elements, overwritten; nil only for float32.
func multiply(
    _ dy: Matrix,
    _ weight: StoredMatrix,
    into dx: Matrix,
    accumulate: Bool = false,
    scratch: Matrix?
) {
    switch weight {
    case .float32(let matrix): multiply(dy, matrix, into: dx, accumulate: accumulate)
    case .half(let matrix):
        precondition(dx.columns == matrix.columns && dy.columns == matrix.rows, "a product's shapes agree")
        guard dx.rows > 0 else { return }
        let blocks = Blocks(scratch, width: Blocks.width)
        blocks.forEach(width: matrix.columns, depth: matrix.rows) { inputs, outputs, block in
            let widened = block.reshaped(rows: outputs.count, columns: inputs.count)
            matrix.rows(outputs).columns(inputs).widen(into: widened)
            let adds = accumulate || outputs.lowerBound > 0
            multiply(dy.columns(outputs), widened, into: dx.columns(inputs), accumulate: adds)
        }
    }
}

extension Matrix {
    /// Copies the elements of `source`, which has the same shape, as float32.
    package func copy(from source: StoredMatrix) {
        switch source {
        case .float32(let matrix): copy(from: matrix)
        case .half(let matrix): matrix.widen(into: self)
        }
    }

    /// Copies row `indices[i]` of `source` to row `i`, as float32.
    package func gather(_ source: StoredMatrix, rows indices: ArraySlice<Int32>) {
        switch source {
        case .float32(let matrix): gather(matrix, rows: indices)
        case .half(let matrix): matrix.gather(indices, into: self)
        }
    }
}

/// The division of a product with a 16-bit weight into blocks of the weight, which depends on shapes only.
private struct Blocks {
    /// The elements of the inner dimension of a block at most: the depth of OpenBLAS's own blocks.
    static let depth = 384
    /// The elements of the outer dimension of a block at most.
    ///
    /// OpenBLAS packs the other operand again for every block, which costs less the wider the block is; the block must
    /// still fit a level of the cache. On Zen 4, products take 0 to 4 % longer than with float32 weights.
    static let width = 3072
    /// Blocks are divided at multiples of this, the unrolling of OpenBLAS's kernels.
    private static let unit = 16

    private let scratch: Matrix
    private let mostWidth: Int

    init(_ scratch: Matrix?, width: Int) {
        guard let scratch else { preconditionFailure("a product with a 16-bit weight has scratch memory") }
        (self.scratch, mostWidth) = (scratch, width)
    }

    /// The width of blocks of `x Wᵀ`: of few tokens, the packed operand stays in the second level of the cache, and is packed
    /// again at less cost than a wide block has.
    static func width(tokens: Int) -> Int {
        tokens <= 512 ? 1024 : width
    }

    /// Calls `body` with each block, ascending in depth for every part of the width, and its scratch memory.
    ///
    /// Without depth there is one empty block, so that a product without inputs is zero.
    func forEach(width: Int, depth: Int, _ body: (_ width: Range<Int>, _ depth: Range<Int>, _ block: Matrix) -> Void) {
        let columns = Self.size(of: width, most: mostWidth)
        let rows = Self.size(of: depth, most: Self.depth)
        for start in stride(from: 0, to: width, by: columns) {
            for layer in stride(from: 0, to: max(depth, 1), by: rows) {
                body(start..<min(start + columns, width), layer..<min(layer + rows, depth), scratch)
            }
        }
    }

    /// The size of equal parts of `count` elements, each at most `most`.
    private static func size(of count: Int, most: Int) -> Int {
        let parts = max(1, (count + most - 1) / most)
        let size = (count + parts - 1) / parts
        return max(1, min(most, (size + unit - 1) / unit * unit))
    }
}
