package import Compute

/// One float32 for each element of a layout: weights, or their gradients.
package final class ParameterBuffer: Sendable {
    package let layout: ParameterLayout
    private let buffer: FloatBuffer

    /// Zeros.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(_ layout: ParameterLayout) throws {
        self.layout = layout
        buffer = try FloatBuffer(count: layout.count)
    }

    /// All elements, `[1, layout.count]`; valid as long as this buffer, like every view.
    package var flat: Matrix { buffer.matrix(rows: 1, columns: layout.count) }

    /// The elements of one tensor, `[1, count]`.
    package func elements(of tensor: ParameterLayout.Tensor) -> Matrix {
        buffer.matrix(at: tensor.offset, rows: 1, columns: tensor.count)
    }

    /// The tensors of adjacent modules as one matrix, one row for each output; nil if the first is not in this buffer.
    ///
    /// Norms and biases are rows, `[1, width]`.
    func matrix(_ modules: [Module], _ part: Parameter.Part = .weight) -> Matrix? {
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
        return buffer.matrix(at: first.offset, rows: (end - first.offset) / columns, columns: columns)
    }
}
