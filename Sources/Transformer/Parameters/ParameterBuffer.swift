package import Compute

/// One number for each element of a layout: weights, or their gradients.
///
/// Matrices and embeddings may be stored in 16 bits; norms and biases, which are vectors, are float32 for operations. If they are
/// rounded too, `halves` has all elements, and `widenVectors` copies the vectors from there.
package final class ParameterBuffer: Sendable {
    package let layout: ParameterLayout
    /// The type of matrices and embeddings; nil for float32.
    package let matrixType: HalfType?
    private let floats: FloatBuffer
    /// A place for each element, in the layout's order; without elements if the matrices are float32.
    private let halfBuffer: HalfBuffer
    /// For a vector's offset in the layout the offset in `floats`; nil if they are equal.
    private let offsets: [Int: Int]?

    /// Zeros.
    ///
    /// - Parameter matrixType: The type of matrices and embeddings; nil for float32.
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(_ layout: ParameterLayout, matrixType: HalfType? = nil) throws {
        (self.layout, self.matrixType) = (layout, matrixType)
        guard let matrixType else {
            floats = try FloatBuffer(count: layout.count)
            halfBuffer = try HalfBuffer(count: 0, type: .bfloat16)
            offsets = nil
            return
        }
        var (count, offsets) = (0, [Int: Int]())
        for tensor in layout.vectors {
            offsets[tensor.offset] = count
            count += tensor.count
        }
        floats = try FloatBuffer(count: count)
        halfBuffer = try HalfBuffer(count: layout.count, type: matrixType)
        self.offsets = offsets
    }

    /// The bytes of all elements.
    package var byteCount: Int {
        floats.count * MemoryLayout<Float>.stride + halfBuffer.count * MemoryLayout<UInt16>.stride
    }

    /// All elements in 16 bits, `[1, layout.count]`, of a buffer that stores matrices so; nil of a buffer in float32.
    package var halves: HalfMatrix? {
        matrixType == nil ? nil : halfBuffer.matrix(rows: 1, columns: layout.count)
    }

    /// All elements, `[1, layout.count]`, of a buffer in float32; valid as long as this buffer, like every view.
    package var flat: Matrix {
        precondition(matrixType == nil, "a buffer in float32 is one matrix")
        return floats.matrix(rows: 1, columns: layout.count)
    }

    /// The elements of one tensor in float32, `[1, count]`.
    package func elements(of tensor: ParameterLayout.Tensor) -> Matrix {
        guard let matrix = stored(tensor).matrix else { preconditionFailure("\(tensor.name) is stored in float32") }
        return matrix
    }

    /// The elements of one tensor as they are stored, `[1, count]`.
    package func stored(_ tensor: ParameterLayout.Tensor) -> StoredMatrix {
        view(of: tensor, rows: 1, columns: tensor.count)
    }

    /// The tensors of adjacent modules as one float32 matrix, one row for each output; nil if the first is not in this
    /// buffer.
    ///
    /// Norms and biases are rows, `[1, width]`.
    func matrix(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
        storedMatrix(modules, part).map { stored in
            guard let matrix = stored.matrix else { preconditionFailure("\(modules[0]) is stored in float32") }
            return matrix
        }
    }

    /// The tensors of adjacent modules as one matrix as it is stored, one row for each output; nil if the first is not
    /// in this buffer.
    func storedMatrix(_ modules: [Module], _ part: Parameter.Part = .weight) -> StoredMatrix? {
        guard let first = layout.tensor(modules[0], part) else { return nil }
        var end = first.offset
        for module in modules {
            guard let tensor = layout.tensor(module, part), tensor.offset == end else {
                preconditionFailure("modules of one product are adjacent, all trained or all frozen")
            }
            end += tensor.count
        }
        let isVector = first.shape.count == 1
        let columns = isVector ? end - first.offset : first.shape[1]
        return view(of: first, rows: (end - first.offset) / columns, columns: columns)
    }

    /// The elements from a tensor's first one on; tensors that are adjacent in the layout and of one type are adjacent.
    private func view(of tensor: ParameterLayout.Tensor, rows: Int, columns: Int) -> StoredMatrix {
        guard matrixType != nil, tensor.parameter.kind.isMatrix else {
            let offset = offsets?[tensor.offset] ?? tensor.offset
            return .float32(floats.matrix(at: offset, rows: rows, columns: columns))
        }
        return .half(halfBuffer.matrix(at: tensor.offset, rows: rows, columns: columns))
    }

    /// Rounds the vectors of a buffer in 16 bits, like its matrices.
    package func roundVectors() {
        guard let halves else { return }
        for tensor in layout.vectors { halves.columns(tensor.range).round(elements(of: tensor)) }
        widenVectors()
    }

    /// Sets the vectors of a buffer in 16 bits to their elements of `halves`.
    package func widenVectors() {
        guard let halves else { return }
        for tensor in layout.vectors { halves.columns(tensor.range).widen(into: elements(of: tensor)) }
    }
}
