package import Compute
package import Preferences

/// A pass over a packed sequence, and what of the row a layer computes.
package struct RowPass {
    /// Each token's depth on its path.
    let positions: [Int32]
    let plan: AttentionPlan
    /// In the last layer the row indices that the head reads; nil in the others.
    let outputs: [Int32]?

    /// A pass over `row`.
    ///
    /// - Parameters:
    ///   - outputs: The row indices that leave the layer; nil for all.
    ///   - attention: The attention that is planned for.
    package init(_ row: PackedSequence, outputs: [Int32]?, attention: ForestAttention, threads: Int) {
        (positions, self.outputs) = (row.positions, outputs)
        plan = AttentionPlan(
            row: row,
            queries: outputs,
            groups: attention.groups,
            threads: threads,
            blockSize: attention.blockSize
        )
    }

    var tokens: Int { positions.count }
    /// The tokens that leave the layer.
    var outputCount: Int { outputs?.count ?? positions.count }
}

/// All that a layer needs besides its parameters: the row, the buffers, and who computes.
package struct LayerContext {
    let pass: RowPass
    /// `[T, D]`, the residual stream before the layer.
    package let input: Matrix
    /// What the forward pass keeps of this layer, sized for the row.
    let activations: Workspace.Layer
    let rotary: Rotary
    let workspace: Workspace
    let team: ThreadTeam

    /// The context of one layer over a row.
    ///
    /// - Parameters:
    ///   - index: The layer.
    ///   - keeping: Whether activations must last until the backward pass.
    package init(
        _ index: Int,
        _ pass: RowPass,
        keeping: Bool,
        rotary: Rotary,
        workspace: Workspace,
        team: ThreadTeam
    ) {
        (self.pass, self.rotary, self.workspace, self.team) = (pass, rotary, workspace, team)
        input = workspace.input(index, keeping: keeping).rows(0..<pass.tokens)
        activations = workspace.layer(index, keeping: keeping).sized(tokens: pass.tokens, outputs: pass.outputCount)
    }

    /// `[outputs, H K]`, the attention output of the tokens that leave the layer.
    package var attended: Matrix {
        pass.outputs == nil ? activations.attention.output : workspace.compactAttention.rows(0..<pass.outputCount)
    }

    /// Runs `body` over blocks of `0..<total`, each thread over one contiguous share.
    func forEachBlock(_ phase: String, of total: Int, _ body: (_ block: Range<Int>, _ thread: Int) -> Void) {
        team.forEachBlock(phase, of: total, blockSize: Workspace.blockSize, body)
    }
}
