internal import CKernels

/// A product of two matrices of any type: `c = a b`, or `c += a b`.
///
/// The inner dimension is divided into equal blocks. For each of them the left operand is packed, unless its rows can be read
/// where they are, then the right one, some columns at a time, and each part of the result is added up in registers. Each
/// element is thus one sum per block, in the order of the inner dimension, whatever its place: its bits depend on its row of
/// `a`, its column of `b` and the kernel only. After Goto & van de Geijn, "Anatomy of high-performance matrix multiplication",
/// 2008.
struct PackedProduct {
    /// An operand in memory, as rows of numbers.
    struct Source {
        let source: ek_source
        /// Whether rows run across the inner dimension, which is the number of rows then.
        let isAcross: Bool
        /// The extents along the inner dimension and outside of it.
        let depth: Int
        let count: Int

        /// The operand's part, by ranges of the outer and of the inner dimension.
        func part(_ outer: Range<Int>, _ inner: Range<Int>) -> ek_source {
            let (row, column) = isAcross ? (inner.lowerBound, outer.lowerBound) : (outer.lowerBound, inner.lowerBound)
            let size = source.number == EK_FLOAT32 ? MemoryLayout<Float>.stride : MemoryLayout<UInt16>.stride
            let index = row * source.stride + column
            var part = source
            part.base += index * size
            part.first += index
            return part
        }
    }

    private let kernel: ProductKernel
    private let left: Source
    private let right: Source

    init(_ kernel: ProductKernel, _ left: Source, _ right: Source) {
        precondition(left.depth == right.depth, "a product's shapes agree")
        (self.kernel, self.left, self.right) = (kernel, left, right)
    }

    /// Computes the product on the calling thread.
    func compute(into c: Matrix, accumulate: Bool) {
        precondition(c.rows == left.count && c.columns == right.count, "a product's shapes agree")
        guard c.rows > 0, c.columns > 0 else { return }
        guard left.depth > 0 else { return accumulate ? () : c.fill(0) }
        let buffers = PackingBuffers.current
        let blocks = Self.blocks(of: left.depth, kernel.shape)
        for rows in Self.parts(of: c.rows, most: readsLeftInPlace ? c.rows : PackingBuffers.mostRows) {
            for inner in blocks {
                let strips = strips(rows, inner, buffers)
                let adds = accumulate || inner.lowerBound > 0
                for columns in Self.parts(of: c.columns, most: PackingBuffers.mostColumns) {
                    multiply(strips, columns, inner, buffers.right, into: c.rows(rows).columns(columns), adds: adds)
                }
            }
        }
    }

    /// Whether rows of the left operand are rows of the kernel's units already, which saves packing them: a twentieth of the
    /// product, if the result has some hundreds of columns.
    private var readsLeftInPlace: Bool {
        !left.isAcross && left.source.number == EK_FLOAT32 && kernel.shape.per_unit == 1
    }

    /// Rows of units of the left operand, `row` units apart.
    private struct Strips {
        let start: UnsafePointer<UInt32>
        let row: Int
    }

    private func strips(_ rows: Range<Int>, _ inner: Range<Int>, _ buffers: PackingBuffers) -> Strips {
        let part = left.part(rows, inner)
        guard !readsLeftInPlace else {
            return Strips(start: part.base.assumingMemoryBound(to: UInt32.self), row: part.stride)
        }
        ek_pack_left(kernel.kernel, part, left.isAcross, rows.count, inner.count, buffers.left)
        return Strips(start: buffers.left, row: EK_STRIP_UNITS)
    }

    private func multiply(
        _ strips: Strips,
        _ columns: Range<Int>,
        _ inner: Range<Int>,
        _ panels: UnsafeMutablePointer<UInt32>,
        into c: Matrix,
        adds: Bool
    ) {
        ek_pack_right(
            kernel.kernel,
            right.part(columns, inner),
            right.isAcross,
            inner.count,
            columns.count,
            panels
        )
        let units = Self.units(of: inner.count, kernel.shape)
        ek_multiply_packed(
            kernel.kernel,
            strips.start,
            strips.row,
            panels,
            c.rows,
            columns.count,
            units,
            c.base,
            c.stride,
            adds
        )
    }

    /// The floating-point operations of the product.
    var flops: Int { 2 * left.count * left.depth * right.count }

    /// The elements that it reads and writes, each counted as float32.
    func elements(accumulate: Bool) -> Int {
        left.count * left.depth + left.depth * right.count + (accumulate ? 2 : 1) * left.count * right.count
    }

    /// The units of numbers that are adjacent along the inner dimension.
    private static func units(of depth: Int, _ shape: ek_product_shape) -> Int {
        let units = (depth + Int(shape.per_unit) - 1) / Int(shape.per_unit)
        return (units + Int(shape.unit_step) - 1) / Int(shape.unit_step) * Int(shape.unit_step)
    }

    /// Equal blocks of the inner dimension, at multiples of the numbers that packing transposes at once.
    private static func blocks(of depth: Int, _ shape: ek_product_shape) -> [Range<Int>] {
        let most = Int(shape.block_units) * Int(shape.per_unit)
        let unit = 16 * Int(shape.per_unit)
        let count = (depth + most - 1) / most
        let size = ((depth + count - 1) / count + unit - 1) / unit * unit
        return parts(of: depth, most: size)
    }

    private static func parts(of count: Int, most: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: most).map { $0..<min($0 + most, count) }
    }
}

extension Matrix {
    /// This matrix as an operand: `across` the inner dimension if that is the number of rows.
    ///
    /// - Parameter firstIndex: If set, kernels that round operands do so by thresholds of the elements' indices in memory, of
    ///   which this is the first one; if nil, to nearest.
    func source(across: Bool, firstIndex: Int? = nil) -> PackedProduct.Source {
        PackedProduct.Source(
            source: ek_source(
                base: base,
                stride: stride,
                number: EK_FLOAT32,
                is_dithered: firstIndex != nil,
                first: firstIndex ?? 0
            ),
            isAcross: across,
            depth: across ? rows : columns,
            count: across ? columns : rows
        )
    }
}

extension StoredMatrix {
    /// This matrix of weights as an operand of a kernel, for which its numbers are converted as they are packed.
    ///
    /// - Parameter firstIndex: The index in the whole weight of the first element of this part.
    func source(across: Bool, firstIndex: Int, for kernel: ProductKernel) -> PackedProduct.Source {
        let firstIndex = kernel.roundsOperands ? firstIndex : nil
        return switch self {
        case .float32(let matrix): matrix.source(across: across, firstIndex: firstIndex)
        case .half(let matrix): matrix.source(across: across, firstIndex: firstIndex)
        }
    }
}

extension HalfMatrix {
    fileprivate func source(across: Bool, firstIndex: Int?) -> PackedProduct.Source {
        PackedProduct.Source(
            source: ek_source(
                base: base,
                stride: stride,
                number: type == .bfloat16 ? EK_BFLOAT16 : EK_FLOAT16,
                is_dithered: firstIndex != nil,
                first: firstIndex ?? 0
            ),
            isAcross: across,
            depth: across ? rows : columns,
            count: across ? columns : rows
        )
    }
}
