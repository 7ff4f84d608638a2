internal import Collectives
internal import Compute
internal import Formats
internal import SystemPackage
internal import Transformer

/// What a run has learned: weights and AdamW's moments, each as one row in the layout's order.
///
/// Views, which are valid as long as the buffers' owner is.
struct TrainedTensors {
    let layout: ParameterLayout
    let weights: Matrix
    let first: Matrix
    let second: Matrix

    /// All three, in the order in which ranks send them.
    var parts: [Matrix] { [weights, first, second] }

    /// Copies another run's, each member of the team its share.
    func copy(from other: TrainedTensors, team: ThreadTeam) {
        team.run("snapshot") { member in
            for (to, from) in zip(parts, other.parts) {
                let share = team.share(of: to.columns, member: member)
                to.columns(share).copy(from: from.columns(share))
            }
        }
    }

    /// The weights as a model's tensors.
    var modelEntries: [SafetensorsEntry] { layout.entries(of: weights) }

    /// The moments of each weight, with `first.` and `second.` before its name.
    var momentEntries: [SafetensorsEntry] {
        layout.entries(of: first, prefix: "first.") + layout.entries(of: second, prefix: "second.")
    }

    /// Reads what those entries were written to.
    func read(model: FilePath, moments: FilePath) throws {
        try layout.read(into: weights, from: SafetensorsFile(model))
        let file = try SafetensorsFile(moments)
        try layout.read(into: first, from: file, prefix: "first.")
        try layout.read(into: second, from: file, prefix: "second.")
    }

    /// A sum over the weights' bits by which ranks compare theirs: `Σ bits[i] (2i + 1) mod 2⁶⁴`.
    ///
    /// It does not depend on the team, and any single weight that differs changes it, since its factor is odd.
    func checksum(team: ThreadTeam) -> UInt64 {
        let sums = team.map("checksum") { member -> UInt64 in
            let share = team.share(of: weights.columns, member: member)
            return weights.columns(share).withSpan { (values: Span<Float>) -> UInt64 in
                var sum: UInt64 = 0
                for index in 0..<values.count {
                    let factor = UInt64(truncatingIfNeeded: 2 * (share.lowerBound + index) + 1)
                    sum &+= UInt64(values[index].bitPattern) &* factor
                }
                return sum
            }
        }
        return sums.reduce(0, &+)
    }
}

extension ParameterLayout {
    /// The tensors of a flat buffer, to be written by their names.
    func entries(of flat: Matrix, prefix: String = "") -> [SafetensorsEntry] {
        tensors.map { tensor in
            SafetensorsEntry(name: prefix + tensor.name, shape: tensor.shape) { body in
                Progress.move()
                try flat.columns(tensor.range).withSpan(body)
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

/// A copy of what a run has learned, to be written while the run goes on.
final class Snapshot {
    let tensors: TrainedTensors
    private let buffer: FloatBuffer

    /// Room for the tensors of `layout`, touched now, so that no step waits for it.
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
        team.run("snapshot") { member in
            for part in tensors.parts { part.columns(team.share(of: count, member: member)).fill(0) }
        }
    }
}
