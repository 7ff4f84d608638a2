internal import Compute
internal import Formats
internal import Preferences

/// The final norm and the vocabulary projection, for hidden states that predict a counted token only.
///
/// The vocabulary is cut into slices, so that a slice of logits is reduced, and later turned into its gradient, while it
/// is in cache; slices are divided over the team. Trees go together as long as their logits fit the buffer, which then
/// keeps them for the backward pass; a tree with more goes through the forward pass first and has its logits made again.
///
/// Shapes: `L` hidden states, `D` width, `V` vocabulary.
struct VocabularyHead {
    struct Buffers {
        /// The logits that are kept, or one slice for each thread, `[1, capacity]`.
        let logits: Matrix
        /// The normalized hidden states, `[T, D]`.
        let normed: Matrix
        /// Their gradient, `[T, D]`; without training empty.
        let dnormed: Matrix
        /// Each thread's share of the gradient of a group's normalized hidden states, `[threads * group, D]`.
        let partial: Matrix
        /// Each thread's share of the norm's gradient, `[threads, D]`.
        let norms: Matrix
        /// The most hidden states in a group, whose logits are kept.
        let groupSize: Int

        init(_ model: ModelConfiguration, _ capacity: Workspace.Capacity, threads: Int, arena: inout Arena) {
            let slices = VocabularyHead.slices(of: model.vocabularySize)
            let rowCount = capacity.logitBytes / MemoryLayout<Float>.stride / model.vocabularySize
            groupSize = min(max(rowCount, 16), max(capacity.tokens, 1))
            // Kept slices lie behind each other; without training each thread needs but one.
            let kept = capacity.trains ? model.vocabularySize : 0
            let columns = max(kept, threads * (slices.map(\.count).max() ?? 0))
            logits = arena.matrix(rows: 1, columns: groupSize * columns)
            normed = arena.matrix(rows: capacity.tokens, columns: model.hiddenSize)
            let trained = capacity.trains ? 1 : 0
            dnormed = arena.matrix(rows: capacity.tokens * trained, columns: model.hiddenSize)
            partial = arena.matrix(rows: threads * groupSize * trained, columns: model.hiddenSize)
            norms = arena.matrix(rows: threads * trained, columns: model.hiddenSize)
        }
    }

    /// Consecutive trees whose loss gradients are asked for together.
    private struct Group {
        var examples: Range<Int>
        /// Into the row's `lossRows`.
        var hidden: Range<Int>
    }

    let model: ModelConfiguration
    let team: ThreadTeam
    private let slices: [Range<Int>]

    init(_ model: ModelConfiguration, team: ThreadTeam) {
        self.model = model
        self.team = team
        slices = Self.slices(of: model.vocabularySize)
    }

    /// Even slices of about 2048 entries: with some hundreds of rows a slice stays within the last-level cache.
    static func slices(of vocabulary: Int) -> [Range<Int>] {
        let count = (vocabulary + 2047) / 2048
        return (0..<count).map { vocabulary * $0 / count..<vocabulary * ($0 + 1) / count }
    }

    /// Scores every target of the row from `hidden` `[L, D]`.
    func score(_ row: PackedRow, hidden: Matrix, weights: ParameterViews, buffers: Buffers) -> RowScores {
        normalize(hidden, weights, buffers)
        var scores = RowScores(targets: row.targets.count)
        for chunk in chunks(0..<row.lossRows.count, buffers.groupSize) {
            _ = forward(row, chunk, weights, buffers, keeping: false, into: &scores)
        }
        return scores
    }

    /// Scores every target, asks `lossGradient` tree by tree, and writes the gradient of `hidden` to `dhidden`.
    ///
    /// - Parameters:
    ///   - hidden: `[L, D]`.
    ///   - gradients: Head and final norm are added to.
    ///   - dhidden: `[L, D]`, overwritten.
    func scoreAndBackward(
        _ row: PackedRow,
        hidden: Matrix,
        weights: ParameterViews,
        gradients: ParameterViews,
        buffers: Buffers,
        dhidden: Matrix,
        lossGradient: LossGradient
    ) -> RowScores {
        normalize(hidden, weights, buffers)
        var scores = RowScores(targets: row.targets.count)
        var coefficients = Array(repeating: Float(0), count: row.targets.count)
        for group in groups(of: row, size: buffers.groupSize) {
            let kept = group.hidden.count <= buffers.groupSize
            let chunks = chunks(group.hidden, buffers.groupSize)
            let sums = chunks.map { forward(row, $0, weights, buffers, keeping: kept, into: &scores) }
            addCoefficients(row, group.examples, lossGradient(scores, group.examples), to: &coefficients)
            for (chunk, logSumExp) in zip(chunks, sums) {
                backward(row, chunk, logSumExp[...], coefficients[...], weights, gradients, buffers, kept: kept)
            }
        }
        normalizeBackward(hidden, weights, gradients, buffers, dhidden)
        return scores
    }

    // MARK: Norm

    private func normalize(_ hidden: Matrix, _ weights: ParameterViews, _ buffers: Buffers) {
        team.forEachBlock("final norm", of: hidden.rows, blockSize: Workspace.blockSize) { block, _ in
            let output = buffers.normed.rows(block)
            let epsilon = model.normEpsilon
            Kernels.normalize(hidden.rows(block), weight: weights.finalNorm, epsilon: epsilon, into: output)
        }
    }

    private func normalizeBackward(
        _ hidden: Matrix,
        _ weights: ParameterViews,
        _ gradients: ParameterViews,
        _ buffers: Buffers,
        _ dhidden: Matrix
    ) {
        // No residual passes the final norm by.
        dhidden.fill(0)
        buffers.norms.fill(0)
        team.forEachBlock("final norm backward", of: hidden.rows, blockSize: Workspace.blockSize) { block, thread in
            Kernels.normalizeBackward(
                hidden.rows(block),
                weight: weights.finalNorm,
                epsilon: model.normEpsilon,
                dy: buffers.dnormed.rows(block),
                residual: dhidden.rows(block),
                into: dhidden.rows(block),
                dweight: buffers.norms.rows(thread..<thread + 1)
            )
        }
        for thread in 0..<team.count { gradients.finalNorm.add(buffers.norms.rows(thread..<thread + 1)) }
    }

    // MARK: Logits

    /// Makes the logits of hidden states `chunk`, scores their targets, and returns each state's log-sum-exp.
    private func forward(
        _ row: PackedRow,
        _ chunk: Range<Int>,
        _ weights: ParameterViews,
        _ buffers: Buffers,
        keeping: Bool,
        into scores: inout RowScores
    ) -> [Float] {
        let targets = targets(of: row, hidden: chunk)
        let parts = team.map("head") { thread in
            var state = RunningLogSumExp(rows: chunk.count)
            var targetLogits: [(target: Int, logit: Float)] = []
            for slice in team.share(of: slices.count, thread: thread) {
                let logits = makeLogits(chunk, slice, thread, weights, buffers, keeping: keeping)
                state.fold(logits)
                for target in targets where slices[slice].contains(Int(row.targets[target].token)) {
                    let (hidden, column) = place(row.targets[target], chunk, slice)
                    targetLogits.append((target, logits[hidden, column]))
                }
            }
            return (state: state, targetLogits: targetLogits)
        }
        var state = parts[0].state
        for part in parts.dropFirst() { state.merge(part.state) }
        for (target, logit) in parts.flatMap(\.targetLogits) {
            let hidden = Int(row.targets[target].hidden) - chunk.lowerBound
            scores.logps[target] = Float(Double(logit) - state.logSumExp(row: hidden))
            scores.entropies[target] = Float(state.entropy(row: hidden))
            scores.isTop1[target] = logit == state.largest(row: hidden)
            scores.logSquares[target] = Float(state.logSquares(row: hidden))
        }
        return chunk.indices.map { Float(state.logSumExp(row: $0 - chunk.lowerBound)) }
    }

    /// Adds the gradients that hidden states `chunk` give to the head, and writes those of the states themselves.
    private func backward(
        _ row: PackedRow,
        _ chunk: Range<Int>,
        _ logSumExp: ArraySlice<Float>,
        _ coefficients: ArraySlice<Float>,
        _ weights: ParameterViews,
        _ gradients: ParameterViews,
        _ buffers: Buffers,
        kept: Bool
    ) {
        let targets = targets(of: row, hidden: chunk)
        var rowCoefficients = Array(repeating: Float(0), count: chunk.count)
        for target in targets {
            rowCoefficients[Int(row.targets[target].hidden) - chunk.lowerBound] += coefficients[target]
        }
        let normed = buffers.normed.rows(chunk)
        team.run("head backward") { thread in
            let dnormed = partial(buffers, thread, rows: chunk.count)
            dnormed.fill(0)
            for slice in team.share(of: slices.count, thread: thread) {
                let logits =
                    kept
                    ? place(chunk, slice, thread, buffers, kept: true)
                    : makeLogits(chunk, slice, thread, weights, buffers, keeping: false)
                Kernels.softmaxGradient(logits, logSumExp: logSumExp, coefficient: rowCoefficients[...])
                for target in targets where slices[slice].contains(Int(row.targets[target].token)) {
                    let (hidden, column) = place(row.targets[target], chunk, slice)
                    logits[hidden, column] += coefficients[target]
                }
                multiply(logits.transposed, normed, into: gradients.head.rows(slices[slice]), accumulate: true)
                multiply(logits, weights.head.rows(slices[slice]), into: dnormed, accumulate: true)
            }
        }
        let dnormed = buffers.dnormed.rows(chunk)
        dnormed.copy(from: partial(buffers, 0, rows: chunk.count))
        for thread in 1..<max(team.count, 1) { dnormed.add(partial(buffers, thread, rows: chunk.count)) }
    }

    private func makeLogits(
        _ chunk: Range<Int>,
        _ slice: Int,
        _ thread: Int,
        _ weights: ParameterViews,
        _ buffers: Buffers,
        keeping: Bool
    ) -> Matrix {
        let logits = place(chunk, slice, thread, buffers, kept: keeping)
        multiply(buffers.normed.rows(chunk), weights.head.rows(slices[slice]).transposed, into: logits)
        return logits
    }

    // MARK: Places

    /// Where the logits of a chunk and slice lie: behind each other where they are kept, else in the thread's place.
    private func place(_ chunk: Range<Int>, _ slice: Int, _ thread: Int, _ buffers: Buffers, kept: Bool) -> Matrix {
        let vocabulary = slices[slice]
        let start = kept ? chunk.count * vocabulary.lowerBound : thread * (buffers.logits.columns / team.count)
        return buffers.logits.reshaped(at: start, rows: chunk.count, columns: vocabulary.count)
    }

    /// Row and column of a target within the logits of a chunk and slice.
    private func place(_ target: PackedRow.Target, _ chunk: Range<Int>, _ slice: Int) -> (hidden: Int, column: Int) {
        (Int(target.hidden) - chunk.lowerBound, Int(target.token) - slices[slice].lowerBound)
    }

    private func partial(_ buffers: Buffers, _ thread: Int, rows: Int) -> Matrix {
        buffers.partial.rows(thread * buffers.groupSize..<thread * buffers.groupSize + rows)
    }

    /// The targets that hidden states `hidden` predict; targets ascend by hidden state.
    private func targets(of row: PackedRow, hidden: Range<Int>) -> Range<Int> {
        let lower = row.targets.partitioningIndex { Int($0.hidden) >= hidden.lowerBound }
        return lower..<row.targets.partitioningIndex { Int($0.hidden) >= hidden.upperBound }
    }

    // MARK: Groups

    /// Consecutive trees whose hidden states fit `size` together; a larger tree is a group of its own.
    private func groups(of row: PackedRow, size: Int) -> [Group] {
        var groups: [Group] = []
        for tree in row.trees {
            if let last = groups.last, tree.lossRows.upperBound - last.hidden.lowerBound <= size {
                groups[groups.count - 1] = Group(
                    examples: last.examples.lowerBound..<tree.examples.upperBound,
                    hidden: last.hidden.lowerBound..<tree.lossRows.upperBound
                )
            } else {
                groups.append(Group(examples: tree.examples, hidden: tree.lossRows))
            }
        }
        return groups
    }

    private func chunks(_ range: Range<Int>, _ size: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: size).map { $0..<min($0 + size, range.upperBound) }
    }

    /// Adds each token's derivative to its target: `[targets]` of the whole row, zero outside `examples`.
    private func addCoefficients(_ row: PackedRow, _ examples: Range<Int>, _ gradient: [Double], to all: inout [Float])
    {
        let responses = row.examples[examples].flatMap { row.responses[$0.responses] }
        let targets = responses.flatMap { row.responseTargets[$0.targets] }
        precondition(gradient.count == targets.count, "one derivative for each token")
        for (target, derivative) in zip(targets, gradient) { all[Int(target)] += Float(derivative) }
    }
}

extension Array {
    /// The first index whose element satisfies `predicate`, all later ones satisfying it too.
    fileprivate func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
