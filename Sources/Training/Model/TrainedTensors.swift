internal import Collectives
package import Compute
package import Formats
internal import SystemPackage
package import Transformer

/// The state that training changes: weights and AdamW's moments, each as one row in the layout's order.
///
/// Complete, as rank 0 writes them. Views, valid as long as the owner of the buffers.
struct TrainedTensors {
    let layout: ParameterLayout
    let weights: Matrix
    let first: Matrix
    let second: Matrix

    /// The row that corresponds to a kind of the optimizer's state.
    subscript(kind: OptimizerState.Kind) -> Matrix {
        switch kind {
        case .first: first
        case .second: second
        case .masters: weights
        }
    }

    /// The weights as tensors of a model file.
    var modelEntries: [SafetensorsEntry] { layout.entries(of: weights) }

    /// The moments of each weight, under its name with the prefix `first.` or `second.`.
    var momentEntries: [SafetensorsEntry] {
        layout.entries(of: first, prefix: "first.") + layout.entries(of: second, prefix: "second.")
    }
}

extension ParameterLayout {
    /// The tensors of a flat buffer, as entries of a file.
    package func entries(of flat: Matrix, prefix: String = "") -> [SafetensorsEntry] {
        tensors.map { tensor in
            SafetensorsEntry(name: prefix + tensor.name, shape: tensor.shape) { body in
                Progress.move()
                try flat.columns(tensor.range).withSpan(body)
            }
        }
    }

    /// Fills a flat buffer from the weights of a model directory, which must be finite.
    func read(into flat: Matrix, from weights: ModelWeights) throws {
        for tensor in tensors {
            Progress.move()
            try flat.columns(tensor.range).withMutableSpan { span in
                try weights.read(tensor.name, shape: tensor.shape, into: &span)
            }
        }
    }

    /// Fills a flat buffer from such a file.
    func read(into flat: Matrix, from file: SafetensorsFile, prefix: String = "") throws {
        for tensor in tensors {
            Progress.move()
            try flat.columns(tensor.range).withMutableSpan { span in
                try file.read(prefix + tensor.name, shape: tensor.shape, into: &span)
            }
        }
    }
}

extension ParameterLayout {
    /// Checks that the values read into a flat buffer are finite and at least `least`.
    func requireFinite(_ flat: Matrix, atLeast least: Float, from path: FilePath, prefix: String) throws {
        for tensor in tensors {
            let odd = flat.columns(tensor.range).withSpan { (values: Span<Float>) -> Float? in
                for index in 0..<values.count where !(values[index].isFinite && values[index] >= least) {
                    return values[index]
                }
                return nil
            }
            guard let odd else { continue }
            let expected = least == 0 ? "finite numbers, at least 0" : "finite numbers"
            throw FormatError(
                path,
                "tensor \(prefix)\(tensor.name): expected \(expected), found \(odd); resume from another checkpoint"
            )
        }
    }
}

/// A copy of weights and moments, which is written while the run continues.
final class Snapshot {
    let tensors: TrainedTensors
    private let buffer: FloatBuffer

    /// Allocates memory for the tensors of `layout` and touches it, so that no step waits for page faults.
    init(layout: ParameterLayout, team: ThreadTeam) throws {
        let count = layout.count
        let buffer = try FloatBuffer(count: 3 * count)
        let tensors = TrainedTensors(
            layout: layout,
            weights: buffer.matrix(at: 0, rows: 1, columns: count),
            first: buffer.matrix(at: count, rows: 1, columns: count),
            second: buffer.matrix(at: 2 * count, rows: 1, columns: count)
        )
        self.tensors = tensors
        self.buffer = consume buffer
        team.run("snapshot") { thread in
            let share = team.share(of: count, thread: thread)
            for part in [tensors.weights, tensors.first, tensors.second] { part.columns(share).fill(0) }
        }
    }
}
