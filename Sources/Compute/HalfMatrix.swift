internal import CKernels

/// The types of numbers of 16 bits.
package enum HalfType: String, Sendable, CaseIterable {
    /// The upper half of a float32: its range, with 8 bits of precision.
    case bfloat16
    /// IEEE 754's half precision: 11 bits of precision, at most 65504.
    case float16

    /// Rounds `x` to `y`, with as many elements, to nearest, ties to even; NaN stays NaN.
    ///
    /// - Returns: The number of finite elements that became infinite; for bfloat16 they are not counted, and must exceed
    ///   3.3895e38 to become so.
    @discardableResult
    package func round(_ x: Span<Float>, into y: inout MutableSpan<UInt16>) -> Int {
        precondition(x.count == y.count, "one number for each")
        return x.withUnsafeBufferPointer { x in
            y.withUnsafeMutableBufferPointer { y in round(x.baseAddress, y.baseAddress, x.count) }
        }
    }

    fileprivate func round(_ x: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<UInt16>?, _ count: Int) -> Int {
        guard let x, let y else { return 0 }
        switch self {
        case .bfloat16:
            ek_round_bfloat16(x, y, count)
            return 0
        case .float16: return ek_round_float16(x, y, count)
        }
    }
}

/// A row-major view of memory of 16-bit numbers that a `HalfBuffer` owns; valid as long as that.
package struct HalfMatrix: @unchecked Sendable {
    // Sendable: threads of a team write through views of disjoint rows or columns only.

    let base: UnsafeMutablePointer<UInt16>
    package let type: HalfType
    package let rows: Int
    package let columns: Int
    /// Elements between the starts of consecutive rows.
    package let stride: Int

    init(base: UnsafeMutablePointer<UInt16>, type: HalfType, rows: Int, columns: Int, stride: Int) {
        (self.base, self.type, self.rows, self.columns, self.stride) = (base, type, rows, columns, stride)
    }

    /// A view of the rows in `range`.
    package func rows(_ range: Range<Int>) -> HalfMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "row range within matrix")
        let start = base + range.lowerBound * stride
        return HalfMatrix(base: start, type: type, rows: range.count, columns: columns, stride: stride)
    }

    /// A view of the columns in `range`.
    package func columns(_ range: Range<Int>) -> HalfMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "column range within matrix")
        let start = base + range.lowerBound
        return HalfMatrix(base: start, type: type, rows: rows, columns: range.count, stride: stride)
    }

    /// Writes the elements as float32, exactly, to a matrix of the same shape.
    package func widen(into result: Matrix) {
        precondition(result.rows == rows && result.columns == columns, "same shape")
        // An element of 16 bits is half of one that is counted.
        recorded(.copy, elements: rows * columns + rows * columns / 2) { convert(into: result) }
    }

    /// Writes the rows of `indices` as float32, in their order, to a matrix as wide.
    func gather(_ indices: ArraySlice<Int32>, into result: Matrix) {
        precondition(result.rows == indices.count && result.columns == columns, "one row for each index")
        recorded(.copy, elements: result.rows * columns + result.rows * columns / 2) {
            for (row, index) in indices.enumerated() {
                precondition(index >= 0 && Int(index) < rows, "index within source")
                rows(Int(index)..<Int(index) + 1).convert(into: result.rows(row..<row + 1))
            }
        }
    }

    private func convert(into result: Matrix) {
        switch type {
        case .bfloat16: ek_widen_bfloat16(base, stride, result.base, result.stride, rows, columns)
        case .float16: ek_widen_float16(base, stride, result.base, result.stride, rows, columns)
        }
    }

    /// Sets the elements to those of `source`, which has the same shape, rounded to nearest, ties to even.
    ///
    /// - Returns: The number of finite elements that became infinite, as `HalfType.round` counts them.
    @discardableResult
    package func round(_ source: Matrix) -> Int {
        precondition(source.rows == rows && source.columns == columns, "same shape")
        var overflows = 0
        recorded(.copy, elements: rows * columns + rows * columns / 2) {
            for row in 0..<rows {
                overflows += type.round(source.base + row * source.stride, base + row * stride, columns)
            }
        }
        return overflows
    }

    /// Sets one row of bfloat16 to `source`, `[1, columns]`, rounded up or down by a threshold of each element.
    ///
    /// A number between two of bfloat16 becomes the upper one if its distance from the lower one, in units of their spacing,
    /// exceeds the threshold, which is uniform over the elements: the mean over many elements is kept, as by stochastic
    /// rounding, and the result depends on nothing but number and index. Numbers of bfloat16 stay as they are.
    ///
    /// - Parameter index: The index of the first element, of which the threshold is a function.
    package func dither(_ source: Matrix, from index: Int) {
        precondition(
            type == .bfloat16 && rows == 1 && source.rows == 1 && source.columns == columns,
            "[1, n] of bfloat16"
        )
        recorded(.copy, elements: columns + columns / 2) { ek_dither_bfloat16(source.base, base, columns, index) }
    }

    /// Calls `body` with a span of the elements' bits, which must be contiguous, for reading.
    package func withSpan<R>(_ body: (Span<UInt16>) throws -> R) rethrows -> R {
        precondition(stride == columns || rows <= 1, "contiguous elements")
        return try body(UnsafeBufferPointer(start: base, count: rows * columns).span)
    }

    /// Calls `body` with a span of the elements' bits, which must be contiguous, for writing.
    package func withMutableSpan<R>(_ body: (inout MutableSpan<UInt16>) throws -> R) rethrows -> R {
        precondition(stride == columns || rows <= 1, "contiguous elements")
        let elements = UnsafeMutableBufferPointer(start: base, count: rows * columns)
        var span = elements.mutableSpan
        return try body(&span)
    }
}
