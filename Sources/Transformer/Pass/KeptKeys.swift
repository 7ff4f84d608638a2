internal import Compute

/// The keys and values of all layers for the tokens that a pass continues, so that only new tokens are computed.
///
/// Shapes: `C` tokens at most, `G` key/value heads, `K` head width.
package final class KeptKeys {
    /// Those of one layer, before new tokens are appended.
    package struct Layer {
        /// `[G * C, K]`, head-major, of which each head's first `count` rows are filled.
        let key: Matrix
        /// The same of the values.
        let value: Matrix
        /// The tokens so far.
        let count: Int
    }

    /// The most tokens.
    package let capacity: Int
    /// The tokens so far.
    package private(set) var count = 0

    private let matrices: [(key: Matrix, value: Matrix)]
    private let arena: Arena

    /// Memory for `capacity` tokens of a model of this architecture.
    ///
    /// - Throws: `MemoryError` if the system refuses the memory.
    package init(_ architecture: Architecture, capacity: Int) throws {
        self.capacity = capacity
        let count = Arena.elementCount { _ = Self.matrices(architecture, capacity, &$0) }
        var arena = try Arena(capacity: count)
        matrices = Self.matrices(architecture, capacity, &arena)
        self.arena = consume arena
    }

    /// Forgets all tokens.
    package func removeAll() { count = 0 }

    /// Counts tokens whose keys and values all layers have appended.
    func append(_ tokens: Int) {
        precondition(count + tokens <= capacity, "tokens within capacity")
        count += tokens
    }

    func layer(_ index: Int) -> Layer {
        Layer(key: matrices[index].key, value: matrices[index].value, count: count)
    }

    private static func matrices(
        _ architecture: Architecture,
        _ capacity: Int,
        _ arena: inout Arena
    ) -> [(key: Matrix, value: Matrix)] {
        let attention = architecture.attention
        var matrices: [(key: Matrix, value: Matrix)] = []
        for _ in 0..<architecture.layerCount {
            let rows = attention.keyValueHeads * capacity
            let key = arena.matrix(rows: rows, columns: attention.headWidth)
            matrices.append((key, arena.matrix(rows: rows, columns: attention.headWidth)))
        }
        return matrices
    }
}
