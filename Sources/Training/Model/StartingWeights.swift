internal import Collectives
internal import Compute
internal import Formats
internal import Transformer

/// The weights that training started from, in the files of the model.
struct StartingWeights {
    let files: ModelWeights
    /// The type that they were rounded to; nil if they were not.
    let type: ElementType?

    /// The change of a trained tensor, and what remains of it in 16 bits; nil if it is written in float32, or was float32: among
    /// numbers that lie anywhere between those of 16 bits, as many pass a midpoint as the change is large.
    func change(
        to entry: SafetensorsEntry,
        _ tensor: ParameterLayout.Tensor,
        in output: ElementType
    ) throws -> RoundedChange? {
        let stored = try files.info(tensor.name).info.elementType
        guard output != .float32, (type ?? stored) != .float32 else { return nil }
        Progress.move()
        let buffer = try FloatBuffer(count: tensor.count)
        let values = buffer.matrix(rows: 1, columns: tensor.count)
        try values.withMutableSpan { try files.read(tensor.name, shape: tensor.shape, into: &$0) }
        if type == .bfloat16 {
            let rounded = try HalfBuffer(count: tensor.count, type: .bfloat16)
            let numbers = rounded.matrix(rows: 1, columns: tensor.count)
            numbers.round(values)
            numbers.widen(into: values)
        }
        return try values.withSpan { span in
            try span.withUnsafeBufferPointer { try entry.change(from: $0, roundedTo: output) }
        }
    }
}
