internal import Collectives
internal import Compute
package import Formats
package import Transformer

/// The gradients of a step in one flat buffer, reduced over ranks where they lie.
package final class Gradients {
    var buffer: FloatBuffer
    let views: ParameterViews
    private let layout: ParameterLayout

    /// Zeros for a model of this layout.
    package init(layout: ParameterLayout, configuration: ModelConfiguration) throws {
        self.layout = layout
        let buffer = try FloatBuffer(count: layout.count)
        views = ParameterViews(buffer, layout: layout, model: configuration)
        self.buffer = consume buffer
    }

    /// All gradients as one row.
    var flat: Matrix { buffer.matrix(rows: 1, columns: buffer.count) }

    /// Sets all to zero, each member its share.
    func clear(team: ThreadTeam) {
        let flat = self.flat
        team.run("clear gradients") { member in flat.columns(team.share(of: flat.columns, member: member)).fill(0) }
    }

    /// Adds up over ranks.
    func allReduce(_ communicator: any Communicator) throws {
        try buffer.withMutableSpan(0..<buffer.count) { try communicator.allReduceSum(&$0) }
    }

    /// The Euclidean norm, by fixed chunks so that the order of summation does not depend on the team.
    func norm(team: ThreadTeam) -> Double {
        let flat = self.flat
        let chunk = 1 << 20
        let chunks = (flat.columns + chunk - 1) / chunk
        let parts = team.map("gradient norm") { member in
            team.share(of: chunks, member: member).map { index in
                Kernels.sumOfSquares(flat.columns(index * chunk..<min((index + 1) * chunk, flat.columns)))
            }
        }
        return parts.joined().reduce(0, +).squareRoot()
    }
}
