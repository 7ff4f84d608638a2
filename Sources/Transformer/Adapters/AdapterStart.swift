internal import Compute
internal import Preferences

/// The start of a new adapter, with which a model computes what it computes without it, as PEFT initializes LoRA.
///
/// `A` is uniform within `±1/√in` (Kaiming with `a = √5`), `B` is zero, magnitudes are the norms of the weights' rows, and
/// copies are equal to what they copy.
package struct AdapterStart {
    private let seed: UInt64

    /// The start of this seed.
    package init(seed: UInt64) { self.seed = seed }

    /// Fills the buffer of an adapter's tensors.
    ///
    /// - Parameter base: Buffers of the model's own weights.
    /// - Throws: `MemoryError` if the system refuses memory for a row.
    package func fill(_ weights: ParameterBuffer, base: [ParameterBuffer]) throws {
        let source = ParameterSource(weights: base, gradients: nil, adapter: nil)
        for (index, tensor) in weights.layout.tensors.enumerated() {
            let elements = weights.elements(of: tensor)
            switch tensor.parameter.part {
            case .loraA: fill(elements, inputs: tensor.shape[1], stream: UInt64(index))
            case .loraB: elements.fill(0)
            case .loraMagnitude: try norms(of: own(source, tensor), into: elements)
            case .copy:
                let matrix = own(source, tensor)
                elements.reshaped(rows: matrix.rows, columns: matrix.columns).copy(from: matrix)
            case .weight, .bias, .loraGain: preconditionFailure("tensors of an adapter")
            }
        }
    }

    private func own(_ source: ParameterSource, _ tensor: ParameterLayout.Tensor) -> StoredMatrix {
        guard let matrix = source.stored([tensor.parameter.module]) else { preconditionFailure("weights of a module") }
        return matrix
    }

    private func norms(of matrix: StoredMatrix, into norms: Matrix) throws {
        let buffer = try FloatBuffer(count: matrix.columns)
        let values = buffer.matrix(rows: 1, columns: matrix.columns)
        for row in 0..<matrix.rows {
            values.copy(from: matrix.rows(row..<row + 1))
            norms[0, row] = Float(Kernels.sumOfSquares(values).squareRoot())
        }
    }

    private func fill(_ elements: Matrix, inputs: Int, stream: UInt64) {
        var random = CounterRandom(seed: seed, stream: stream)
        let bound = 1 / Double(inputs).squareRoot()
        for column in 0..<elements.columns {
            // 53 bits, uniform in [-1, 1).
            elements[0, column] = Float(bound * (Double(random.next() >> 11) * 0x1p-52 - 1))
        }
    }
}
