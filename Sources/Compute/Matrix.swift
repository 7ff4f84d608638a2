internal import CKernels

/// A row-major view of float32 memory that a `FloatBuffer` or `Arena` owns.
///
/// A view is as cheap to pass as a pointer and is valid as long as its owner lives; the model stores owner and views
/// together. Copying a view copies no elements.
package struct Matrix: @unchecked Sendable {
    // Sendable: threads of a team write through views of disjoint rows or columns only.

    let base: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    /// Elements between the starts of consecutive rows.
    package let stride: Int

    /// A view of the rows in `range`.
    package func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "row range within matrix")
        return Matrix(base: base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    /// A view of the columns in `range`.
    package func columns(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "column range within matrix")
        return Matrix(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// Whether the elements are contiguous in memory.
    var isContiguous: Bool { stride == columns || rows <= 1 }

    /// A `rows × columns` view of the contiguous elements from `offset` on, which may be only part of them.
    package func reshaped(at offset: Int = 0, rows: Int, columns: Int) -> Matrix {
        precondition(isContiguous, "contiguous elements")
        precondition(offset >= 0 && offset + rows * columns <= self.rows * self.columns, "large enough")
        return Matrix(base: base + offset, rows: rows, columns: columns, stride: columns)
    }

    /// The transpose, as an operand of `multiply`; no elements are copied.
    package var transposed: Operand { Operand(matrix: self, isTransposed: true) }

    /// One element.
    package subscript(row: Int, column: Int) -> Float {
        get {
            assert(row >= 0 && row < rows && column >= 0 && column < columns)
            return base[row * stride + column]
        }
        nonmutating set {
            assert(row >= 0 && row < rows && column >= 0 && column < columns)
            base[row * stride + column] = newValue
        }
    }

    /// Sets every element to `value`.
    package func fill(_ value: Float) {
        recorded(.copy, elements: rows * columns) {
            for row in 0..<rows { (base + row * stride).update(repeating: value, count: columns) }
        }
    }

    /// Copies the elements of `source`, which has the same shape.
    package func copy(from source: Matrix) {
        precondition(source.rows == rows && source.columns == columns, "same shape")
        recorded(.copy, elements: 2 * rows * columns) {
            for row in 0..<rows {
                (base + row * stride).update(from: source.base + row * source.stride, count: columns)
            }
        }
    }

    /// Calls `body` with a span of the elements, which must be contiguous, for reading.
    package func withSpan<R>(_ body: (Span<Float>) throws -> R) rethrows -> R {
        precondition(isContiguous, "contiguous elements")
        return try body(UnsafeBufferPointer(start: base, count: rows * columns).span)
    }

    /// Calls `body` with a span of the elements, which must be contiguous, for writing.
    package func withMutableSpan<R>(_ body: (inout MutableSpan<Float>) throws -> R) rethrows -> R {
        precondition(isContiguous, "contiguous elements")
        let elements = UnsafeMutableBufferPointer(start: base, count: rows * columns)
        var span = elements.mutableSpan
        return try body(&span)
    }

    /// Copies row `indices[i]` of `source` to row `i`.
    package func gather(_ source: Matrix, rows indices: ArraySlice<Int32>) {
        precondition(indices.count == rows && source.columns == columns, "one row for each index")
        recorded(.copy, elements: 2 * source.columns * indices.count) {
            for (row, index) in indices.enumerated() {
                precondition(index >= 0 && Int(index) < source.rows, "index within source")
                (base + row * stride).update(from: source.base + Int(index) * source.stride, count: columns)
            }
        }
    }

    /// Copies row `i` of `source` to row `indices[i]`; other rows are unchanged.
    package func scatter(_ source: Matrix, rows indices: ArraySlice<Int32>) {
        precondition(indices.count == source.rows && source.columns == columns, "one row for each index")
        recorded(.copy, elements: 2 * source.columns * indices.count) {
            for (row, index) in indices.enumerated() {
                precondition(index >= 0 && Int(index) < rows, "index within destination")
                (base + Int(index) * stride).update(from: source.base + row * source.stride, count: columns)
            }
        }
    }

    /// Adds row `i` of `source` to row `indices[i]`, in ascending `i`.
    package func scatterAdd(_ source: Matrix, rows indices: ArraySlice<Int32>) {
        precondition(indices.count == source.rows && source.columns == columns, "one row for each index")
        recorded(.copy, elements: 3 * source.columns * indices.count) {
            for (row, index) in indices.enumerated() {
                precondition(index >= 0 && Int(index) < rows, "index within destination")
                ek_add(source.base + row * source.stride, base + Int(index) * stride, columns)
            }
        }
    }

    /// Adds the elements of `source`, which has the same shape.
    package func add(_ source: Matrix) {
        precondition(source.rows == rows && source.columns == columns, "same shape")
        recorded(.copy, elements: 3 * rows * columns) {
            for row in 0..<rows { ek_add(source.base + row * source.stride, base + row * stride, columns) }
        }
    }

    /// Adds the elements of `source`, which has the same shape and does not overlap, times `factor`.
    package func add(_ source: Matrix, scaledBy factor: Float) {
        precondition(source.rows == rows && source.columns == columns, "same shape")
        recorded(.copy, elements: 3 * rows * columns) {
            for row in 0..<rows {
                ek_add_scaled(source.base + row * source.stride, factor, base + row * stride, columns)
            }
        }
    }

    /// Multiplies every element by `factor`.
    package func scale(by factor: Float) {
        recorded(.copy, elements: 2 * rows * columns) {
            for row in 0..<rows { ek_scale(base + row * stride, factor, columns) }
        }
    }

    /// Multiplies each row by its element of `factors`, `[1, rows]`.
    package func scale(rows factors: Matrix) {
        precondition(factors.rows == 1 && factors.columns == rows, "one factor for each row")
        recorded(.copy, elements: 2 * rows * columns) {
            for row in 0..<rows { ek_scale(base + row * stride, factors[0, row], columns) }
        }
    }

    /// Sets every row to `row`, `[1, columns]`.
    package func fill(rows row: Matrix) {
        precondition(row.rows == 1 && row.columns == columns, "one row as wide as this matrix")
        recorded(.copy, elements: rows * columns) {
            for index in 0..<rows { (base + index * stride).update(from: row.base, count: columns) }
        }
    }

    /// Adds `row`, `[1, columns]`, to every row.
    package func add(row: Matrix) {
        precondition(row.rows == 1 && row.columns == columns, "one row as wide as this matrix")
        recorded(.copy, elements: 2 * rows * columns) {
            for index in 0..<rows { ek_add(row.base, base + index * stride, columns) }
        }
    }

    /// Adds to this row, `[1, columns]`, the sum of the rows of `source`, `[rows, columns]`, in their order.
    package func addColumnSums(of source: Matrix) {
        precondition(rows == 1 && source.columns == columns, "one row as wide as the source")
        recorded(.copy, elements: source.rows * columns) {
            ek_add_column_sums(source.base, source.stride, source.rows, columns, base)
        }
    }

    /// The elements in row order; for tests and small results.
    package func elements() -> [Float] {
        (0..<rows).flatMap { row in UnsafeBufferPointer(start: base + row * stride, count: columns) }
    }
}

extension Matrix {
    /// Sets every element of a contiguous matrix to `value`, each thread of the team its share.
    package func fill(_ value: Float, team: ThreadTeam) {
        let all = reshaped(rows: 1, columns: rows * columns)
        team.run("fill") { thread in all.columns(team.share(of: all.columns, thread: thread)).fill(value) }
    }
}
