package import Compute
package import Preferences

/// The logits of the token that follows each prediction position.
///
/// Shapes: `L` prediction positions, `D` width, `V` vocabulary.
package final class NextTokenHead: Head {
    private let team: ThreadTeam
    /// The bound of the logits; nil for none.
    private let cap: Float?
    private let division: HeadDivision
    private let arena: Arena
    private let buffers: Buffers

    private struct Buffers {
        /// `[1, V]`, those of one position.
        let logits: Matrix
        /// Each thread's block of widened weights, `[threads, elements]`; empty for weights in float32.
        let scratch: Matrix

        init(
            _ model: Architecture,
            _ capacity: Workspace.Capacity,
            _ division: HeadDivision,
            threads: Int,
            arena: inout Arena
        ) {
            logits = arena.matrix(rows: 1, columns: model.vocabularySize)
            let block = StoredMatrix.scratchCount(rows: division.largestSlice, columns: model.width)
            scratch = arena.matrix(rows: threads, columns: capacity.widensWeights ? block : 0)
        }
    }

    package init(_ architecture: Architecture, capacity: Workspace.Capacity, team: ThreadTeam) throws {
        (self.team, cap) = (team, architecture.logitCap)
        let division = HeadDivision(vocabulary: architecture.vocabularySize, threads: team.count)
        let count = Arena.elementCount {
            _ = Buffers(architecture, capacity, division, threads: team.count, arena: &$0)
        }
        var arena = try Arena(capacity: count)
        buffers = Buffers(architecture, capacity, division, threads: team.count, arena: &arena)
        self.division = division
        self.arena = consume arena
    }

    package static func byteCount(_ architecture: Architecture, capacity: Workspace.Capacity, threads: Int) -> Int {
        let division = HeadDivision(vocabulary: architecture.vocabularySize, threads: threads)
        return Arena.elementCount { _ = Buffers(architecture, capacity, division, threads: threads, arena: &$0) }
            * MemoryLayout<Float>.stride
    }

    package func touchMemory() { arena.all.fill(0, team: team) }

    /// The logits of each prediction position, `[L]` of `[V]`.
    package func score(_ row: PackedSequence, hidden: Matrix, parameters: ModelParameters) -> [[Float]] {
        (0..<hidden.rows).map { position in
            team.run("head") { thread in
                let scratch = buffers.scratch.rows(thread..<thread + 1)
                for slice in team.share(of: division.slices.count, thread: thread) {
                    let entries = division.slices[slice]
                    let logits = buffers.logits.columns(entries)
                    parameters.vocabulary.outputs(entries).forward(
                        hidden.rows(position..<position + 1),
                        into: logits,
                        Linear.Buffers(states: scratch.columns(0..<0), scratch: scratch)
                    )
                    if let cap { Kernels.cap(logits, at: cap) }
                }
            }
            return (0..<buffers.logits.columns).map { buffers.logits[0, $0] }
        }
    }
}
