package import Preferences
package import Transformer

/// The FLOPs that a step computes, forward and backward: the useful ones without those of the last layer that no
/// prediction reads.
///
/// The last layer runs only for prediction positions, apart from its queries, keys and values; useful FLOPs count it for
/// all tokens (`CostModel`). In a model of few layers the difference matters to a ratio between two sharing modes, of
/// which the one without sharing has more tokens that predict nothing.
package struct ComputedFLOPs {
    private let model: Architecture
    /// The number of times that each product is computed: forward, and once or twice backward.
    private let passes: Double

    /// The FLOPs of steps that train a model, or an adapter in its place.
    package init(_ model: Architecture, adapter: Adapter?) {
        self.model = model
        passes = adapter == nil ? 3 : 2
    }

    /// The FLOPs of all shards of a plan.
    package func total(of plan: StepPlan) -> Double {
        let sequences = plan.shardFLOPs.indices.flatMap { plan.packedSequences(shard: $0) }
        return plan.trainingFLOPs - passes * sequences.reduce(0) { $0 + skipped(in: $1) }
    }

    /// The FLOPs of a forward pass that the last layer omits.
    private func skipped(in row: PackedSequence) -> Double {
        let predicting = Set(row.predictionPositions)
        let window = model.kind(ofLayer: model.layerCount - 1).isWindowed ? model.window : nil
        var (tokens, pairs) = (0, 0)
        for (index, position) in row.positions.enumerated() where !predicting.contains(Int32(index)) {
            tokens += 1
            pairs += min(Int(position) + 1, window ?? Int.max)
        }
        let attention = model.attention
        let inputs = model.width * (attention.heads + 2 * attention.keyValueHeads) * attention.headWidth
        let others = CostModel(model).bodyParameters / model.layerCount - inputs
        return 2 * Double(others) * Double(tokens) + 4 * Double(attention.heads * attention.headWidth) * Double(pairs)
    }
}
