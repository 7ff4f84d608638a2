internal import Compute

/// The token embedding: each token's row of `[V, D]`.
struct Embedding: Sendable {
    /// `[V, D]`.
    let weight: StoredMatrix
    /// `[V, D]`, added to; nil if the embedding is frozen.
    let gradient: Matrix?

    init(_ source: ParameterSource) {
        let part: Parameter.Part = source.copies(.embedding) ? .copy : .weight
        guard let weight = source.stored([.embedding], part) else { preconditionFailure("a model has an embedding") }
        self.weight = weight
        gradient = source.gradient([.embedding], part)
    }

    /// Copies the rows of `tokens` to `output`, `[T, D]`.
    func forward(_ tokens: ArraySlice<Int32>, into output: Matrix) {
        output.gather(weight, rows: tokens)
    }

    /// Adds `dy`, `[T, D]`, to the rows of `tokens`.
    ///
    /// Divided by columns, so that repeated tokens are added in the same order for any team.
    func backward(_ tokens: ArraySlice<Int32>, dy: Matrix, team: ThreadTeam) {
        guard let gradient else { return }
        team.run("embedding backward") { thread in
            let share = team.share(of: gradient.columns, thread: thread)
            gradient.columns(share).scatterAdd(dy.columns(share), rows: tokens)
        }
    }
}
