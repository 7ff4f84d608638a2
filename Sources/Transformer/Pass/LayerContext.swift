package import Compute
package import Preferences

/// A pass over a packed sequence, with the tokens that a layer computes.
package struct RowPass {
    /// Each token's depth on its path.
    let positions: [Int32]
    let plan: AttentionPlan
    /// In the last layer, the indices of the tokens that the head reads; nil in the others.
    let outputs: [Int32]?

    /// A pass over the packed sequence `row`.
    ///
    /// - Parameters:
    ///   - outputs: The indices of the tokens whose outputs are computed; nil for all.
    ///   - attention: The attention to plan.
    ///   - window: The number of tokens of its path that a token attends to, itself included; nil: all.
    ///   - kept: The tokens that all roots of `row` continue, whose keys and values are kept.
    package init(
        _ row: PackedSequence,
        outputs: [Int32]?,
        attention: ForestAttention,
        threads: Int,
        window: Int? = nil,
        kept: Int = 0
    ) {
        (positions, self.outputs) = (row.positions, outputs)
        plan = AttentionPlan(
            row: row,
            queries: outputs,
            groups: attention.groups,
            threads: threads,
            blockSize: attention.blockSize,
            window: window,
            kept: kept
        )
    }

    var tokens: Int { positions.count }
    /// The number of tokens that leave the layer.
    var outputCount: Int { outputs?.count ?? positions.count }
}

/// The inputs of a layer in addition to its parameters: the packed sequence, the buffers and the team.
package struct LayerContext {
    let pass: RowPass
    /// `[T, D]`, the residual stream before the layer.
    package let input: Matrix
    /// The kept activations of this layer, with the size of the packed sequence.
    let activations: Workspace.Layer
    /// The rotary embedding of the layer; nil if it does not rotate.
    let rotary: Rotary?
    let workspace: Workspace
    let team: ThreadTeam

    /// The context of one layer over a packed sequence.
    ///
    /// - Parameters:
    ///   - index: The layer.
    ///   - keeping: Whether activations must last until the backward pass.
    ///   - kept: The keys and values of this layer that those of the packed sequence are appended to; nil for none.
    package init(
        _ index: Int,
        _ pass: RowPass,
        keeping: Bool,
        kept: KeptKeys.Layer? = nil,
        rotary: Rotary?,
        workspace: Workspace,
        team: ThreadTeam
    ) {
        (self.pass, self.rotary, self.workspace, self.team) = (pass, rotary, workspace, team)
        input = workspace.input(index, keeping: keeping).rows(0..<pass.tokens)
        activations = workspace.layer(index, keeping: keeping)
            .sized(tokens: pass.tokens, outputs: pass.outputCount, kept: kept)
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
