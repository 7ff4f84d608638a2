package import Compute
package import Preferences

/// The vocabulary projection, for hidden states that predict a counted token only: token log-probabilities.
///
/// A slice of logits is reduced, and later replaced by its gradient, while it is in cache; slices are divided over the
/// team. Examples are grouped while their logits fit the buffer, which keeps them for the backward pass. Of a larger group
/// the last states that fit keep their logits, and those of the others are recomputed.
///
/// Shapes: `L` hidden states, `D` width, `V` vocabulary.
package final class VocabularyHead: TrainedHead {
    /// Memory for logits and for gradients that are not complete yet.
    private struct Buffers {
        /// The kept logits, or one slice for each thread, `[1, capacity]`.
        let logits: Matrix
        /// The hidden states of a chunk, `[group, D]`.
        let hidden: Matrix
        /// Each thread's part of the gradient of a group's hidden states, `[threads * group, D]`.
        let partial: Matrix
        /// Each thread's block of widened weights, `[threads, elements]`; empty for weights in float32.
        let scratch: Matrix
        /// The most hidden states in a group, whose logits are kept.
        let groupSize: Int

        init(
            _ model: Architecture,
            _ capacity: Workspace.Capacity,
            _ division: HeadDivision,
            threads: Int,
            arena: inout Arena
        ) {
            let rowCount = capacity.logitBytes / MemoryLayout<Float>.stride / model.vocabularySize
            groupSize = min(max(rowCount, 16), max(capacity.tokens, 1))
            // Kept slices are consecutive; without training each thread needs only one.
            let kept = capacity.trains ? model.vocabularySize : 0
            let columns = max(kept, threads * division.largestSlice)
            logits = arena.matrix(rows: 1, columns: groupSize * columns)
            hidden = arena.matrix(rows: groupSize, columns: model.width)
            let block = StoredMatrix.scratchCount(rows: division.largestSlice, columns: model.width)
            scratch = arena.matrix(rows: threads, columns: capacity.widensWeights ? block : 0)
            partial = arena.matrix(rows: threads * groupSize * (capacity.trains ? 1 : 0), columns: model.width)
        }
    }

    private let team: ThreadTeam
    /// The bound of the logits; nil for none.
    private let cap: Float?
    private let division: HeadDivision
    private let arena: Arena
    private let buffers: Buffers

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

    package func score(_ row: PackedSequence, hidden: Matrix, parameters: ModelParameters) -> SequenceScores {
        var scores = SequenceScores(labels: row.labels.count)
        for range in HeadDivision.chunks(0..<row.predictionPositions.count, size: buffers.groupSize) {
            _ = forward(Chunk(row, range.map(Int32.init), parameters, keepsLogits: false), hidden, into: &scores)
        }
        return scores
    }

    package func scoreAndBackward(
        _ row: PackedSequence,
        hidden: Matrix,
        parameters: ModelParameters,
        dhidden: Matrix,
        lossGradient: LossGradient<SequenceScores>
    ) -> SequenceScores {
        var scores = SequenceScores(labels: row.labels.count)
        dhidden.fill(0, team: team)
        for group in HeadGroup.groups(of: row, size: buffers.groupSize) {
            let states = group.states
            let chunks = HeadDivision.chunks(endingFull: states.indices, size: buffers.groupSize).map {
                Chunk(row, Array(states[$0]), parameters, keepsLogits: $0.upperBound == states.endIndex)
            }
            let sums = chunks.map { forward($0, hidden, into: &scores) }
            let coefficients = coefficients(row, group.examples, lossGradient(scores, group.examples))
            // The last chunk first, whose logits still exist.
            for (chunk, logSumExp) in zip(chunks, sums).reversed() {
                backward(chunk, hidden, logSumExp[...], coefficients, dhidden: dhidden)
            }
        }
        return scores
    }

    /// The sum of the derivatives for each label: `[labels]` of the whole packed sequence, zero outside `examples`.
    private func coefficients(_ row: PackedSequence, _ examples: Range<Int>, _ gradient: [Double]) -> [Float] {
        let responses = row.examples[examples].flatMap { row.responses[$0.responses] }
        let labels = responses.flatMap { row.responseLabels[$0.labels] }
        precondition(gradient.count == labels.count, "one derivative for each token")
        var coefficients = Array(repeating: Float(0), count: row.labels.count)
        for (label, derivative) in zip(labels, gradient) { coefficients[Int(label)] += Float(derivative) }
        return coefficients
    }
}

// MARK: Logits

extension VocabularyHead {
    /// Hidden states whose logits are computed together.
    private struct Chunk {
        /// Ascending indices into the packed sequence's `predictionPositions`.
        let states: [Int32]
        let projection: Linear
        /// Whether all logits stay until the backward pass.
        let keepsLogits: Bool
        /// The labels that these states predict: index in the packed sequence, row of the state in the chunk, token.
        let labels: [(index: Int, row: Int, token: Int)]

        init(_ row: PackedSequence, _ states: [Int32], _ parameters: ModelParameters, keepsLogits: Bool) {
            (self.states, self.keepsLogits) = (states, keepsLogits)
            projection = parameters.vocabulary
            labels = states.enumerated().flatMap { place, state in
                HeadDivision.labels(of: row, state: state).map { ($0, place, Int(row.labels[$0].token)) }
            }
        }

        /// The labels whose token lies in a slice of the vocabulary, with their row and column in its logits.
        func labels(in slice: Range<Int>) -> [(index: Int, row: Int, column: Int)] {
            labels.compactMap { label in
                guard slice.contains(label.token) else { return nil }
                return (label.index, label.row, label.token - slice.lowerBound)
            }
        }
    }

    /// Copies the chunk's states, of all states `[L, D]`, to one matrix, `[chunk, D]`.
    private func gather(_ chunk: Chunk, _ hidden: Matrix) -> Matrix {
        let gathered = buffers.hidden.rows(chunk.states.indices)
        team.forEachBlock("head states", of: gathered.rows, blockSize: Workspace.blockSize) { block, _ in
            gathered.rows(block).gather(hidden, rows: chunk.states[block])
        }
        return gathered
    }

    /// Computes the chunk's logits, scores its labels, and returns each state's log-sum-exp.
    private func forward(_ chunk: Chunk, _ hidden: Matrix, into scores: inout SequenceScores) -> [Float] {
        let hidden = gather(chunk, hidden)
        let parts = team.map("head") { thread in
            var state = RunningLogSumExp(rows: hidden.rows)
            var labelLogits: [(index: Int, row: Int, logit: Float)] = []
            for slice in team.share(of: division.slices.count, thread: thread) {
                let logits = makeLogits(chunk, hidden, slice, thread)
                state.fold(logits)
                for label in chunk.labels(in: division.slices[slice]) {
                    labelLogits.append((label.index, label.row, logits[label.row, label.column]))
                }
            }
            return (state: state, labelLogits: labelLogits)
        }
        var state = parts[0].state
        for part in parts.dropFirst() { state.merge(part.state) }
        for (label, row, logit) in parts.flatMap(\.labelLogits) {
            scores.logps[label] = Float(Double(logit) - state.logSumExp(row: row))
            scores.entropies[label] = Float(state.entropy(row: row))
            scores.isTop1[label] = logit == state.largest(row: row)
            scores.logSquares[label] = Float(state.logSquares(row: row))
        }
        return chunk.states.indices.map { Float(state.logSumExp(row: $0)) }
    }

    /// Adds the gradients that the chunk gives to the projection, and those of its states to `dhidden`.
    ///
    /// - Parameters:
    ///   - hidden: All states, `[L, D]`.
    ///   - logSumExp: `[chunk]`, of `forward`.
    ///   - coefficients: `[labels]` of the packed sequence, the derivatives of the group's loss.
    ///   - dhidden: `[L, D]`.
    private func backward(
        _ chunk: Chunk,
        _ hidden: Matrix,
        _ logSumExp: ArraySlice<Float>,
        _ coefficients: [Float],
        dhidden: Matrix
    ) {
        let hidden = gather(chunk, hidden)
        let count = hidden.rows
        var rowCoefficients = Array(repeating: Float(0), count: count)
        for label in chunk.labels { rowCoefficients[label.row] += coefficients[label.index] }
        team.run("head backward") { thread in
            let partial = partial(thread, rows: count)
            partial.fill(0)
            for slice in team.share(of: division.slices.count, thread: thread) {
                let logits = chunk.keepsLogits ? place(chunk, slice, thread) : makeLogits(chunk, hidden, slice, thread)
                let labels = chunk.labels(in: division.slices[slice])
                let slopes = labels.map { label in
                    cap.map { Kernels.capSlope(logits[label.row, label.column], at: $0) } ?? 1
                }
                Kernels.softmaxGradient(logits, logSumExp: logSumExp, coefficient: rowCoefficients[...], cap: cap)
                for (label, slope) in zip(labels, slopes) {
                    logits[label.row, label.column] += coefficients[label.index] * slope
                }
                let projection = chunk.projection.outputs(division.slices[slice])
                projection.addWeightGradient(dy: logits, x: hidden)
                projection.inputGradient(logits, into: partial, accumulate: true, widening(thread))
            }
        }
        // Parts are added in the order of threads, independent of the division of rows.
        team.forEachBlock("head reduction", of: count, blockSize: Workspace.blockSize) { block, _ in
            let sum = partial(0, rows: count).rows(block)
            for thread in 1..<max(team.count, 1) { sum.add(partial(thread, rows: count).rows(block)) }
            dhidden.scatterAdd(sum, rows: chunk.states[block])
        }
    }

    private func makeLogits(_ chunk: Chunk, _ hidden: Matrix, _ slice: Int, _ thread: Int) -> Matrix {
        let logits = place(chunk, slice, thread)
        let projection = chunk.projection.outputs(division.slices[slice])
        projection.forward(hidden, into: logits, widening(thread))
        if let cap { Kernels.cap(logits, at: cap) }
        return logits
    }

    /// The location of a slice of the chunk's logits.
    private func place(_ chunk: Chunk, _ slice: Int, _ thread: Int) -> Matrix {
        let (count, entries) = (chunk.states.count, division.slices[slice])
        let own = thread * (buffers.logits.columns / team.count)
        let start = chunk.keepsLogits ? count * entries.lowerBound : own
        return buffers.logits.reshaped(at: start, rows: count, columns: entries.count)
    }

    /// The buffers of a product on a thread.
    private func widening(_ thread: Int) -> Linear.Buffers {
        let scratch = buffers.scratch.rows(thread..<thread + 1)
        return Linear.Buffers(states: scratch.columns(0..<0), scratch: scratch)
    }

    private func partial(_ thread: Int, rows: Int) -> Matrix {
        let start = thread * buffers.groupSize
        return buffers.partial.rows(start..<start + rows)
    }
}
