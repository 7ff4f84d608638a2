internal import Preferences

/// The passes of a model's layers over a packed sequence: those that compute all tokens, and the last one, which
/// computes the tokens that the head reads; each with and without the window.
struct RowPasses {
    private typealias Pair = (global: RowPass?, windowed: RowPass?)
    private let architecture: Architecture
    private let body: Pair
    private let last: Pair

    /// - Parameter kept: The tokens that all roots of `row` continue.
    init(
        _ row: PackedSequence,
        _ architecture: Architecture,
        attention: ForestAttention,
        threads: Int,
        kept: Int = 0
    ) {
        self.architecture = architecture
        // A window that exceeds all depths hides nothing.
        let window = architecture.window.flatMap { window in row.positions.contains { $0 >= window } ? window : nil }
        func pair(_ layers: Range<Int>, outputs: [Int32]?) -> Pair {
            func pass(_ window: Int?) -> RowPass {
                RowPass(
                    row,
                    outputs: outputs,
                    attention: attention,
                    threads: threads,
                    window: window,
                    kept: kept
                )
            }
            let kinds = layers.map { architecture.kind(ofLayer: $0).isWindowed && window != nil }
            return (kinds.contains(false) ? pass(nil) : nil, kinds.contains(true) ? pass(window) : nil)
        }
        body = pair(0..<architecture.layerCount - 1, outputs: nil)
        last = pair(architecture.layerCount - 1..<architecture.layerCount, outputs: row.predictionPositions)
    }

    /// The pass of a layer.
    func pass(layer index: Int) -> RowPass {
        let pair = index == architecture.layerCount - 1 ? last : body
        let pass = architecture.kind(ofLayer: index).isWindowed ? pair.windowed ?? pair.global : pair.global
        guard let pass else { preconditionFailure("each kind of layer has a pass") }
        return pass
    }
}
