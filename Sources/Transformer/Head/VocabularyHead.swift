package import Compute
package import Preferences

/// The vocabulary projection, for hidden states that predict a counted token only: token log-probabilities.
///
/// A slice of logits is reduced, and later replaced by its gradient, while it is in cache; slices are divided over the
/// team. Trees are grouped while their logits fit the buffer, which keeps them for the backward pass. Of a larger tree the
/// last states that fit keep their logits, and those of the others are recomputed.
///
/// Shapes: `L` hidden states, `D` width, `V` vocabulary.
package final class VocabularyHead: Head {
    /// Memory for logits and for gradients that are not complete yet.
    private struct Buffers {
        /// The kept logits, or one slice for each thread, `[1, capacity]`.
        let logits: Matrix
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
        division = HeadDivision(vocabulary: architecture.vocabularySize, threads: team.count)
        var measure = Arena()
        _ = Buffers(architecture, capacity, division, threads: team.count, arena: &measure)
        var arena = try Arena(capacity: measure.elementCount)
        buffers = Buffers(architecture, capacity, division, threads: team.count, arena: &arena)
        self.arena = consume arena
    }

    package static func byteCount(_ architecture: Architecture, capacity: Workspace.Capacity, threads: Int) -> Int {
        let division = HeadDivision(vocabulary: architecture.vocabularySize, threads: threads)
        var measure = Arena()
        _ = Buffers(architecture, capacity, division, threads: threads, arena: &measure)
        return measure.elementCount * MemoryLayout<Float>.stride
    }

    package func touchMemory() { arena.all.fill(0, team: team) }

    package func score(_ row: PackedSequence, hidden: Matrix, parameters: ModelParameters) -> SequenceScores {
        var scores = SequenceScores(labels: row.labels.count)
        for chunk in HeadDivision.chunks(0..<row.predictionPositions.count, size: buffers.groupSize) {
            let part = Chunk(row, chunk, hidden: hidden, projection: parameters.vocabulary, keepsLogits: false)
            _ = forward(part, into: &scores)
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
        var coefficients = Array(repeating: Float(0), count: row.labels.count)
        for group in HeadDivision.groups(of: row, size: buffers.groupSize) {
            let ranges = HeadDivision.chunks(endingFull: group.hidden, size: buffers.groupSize)
            let chunks = ranges.map {
                let isLast = $0.upperBound == group.hidden.upperBound
                return Chunk(row, $0, hidden: hidden, projection: parameters.vocabulary, keepsLogits: isLast)
            }
            let sums = chunks.map { forward($0, into: &scores) }
            addCoefficients(row, group.examples, lossGradient(scores, group.examples), to: &coefficients)
            // The last chunk first, whose logits still exist.
            for (chunk, logSumExp) in zip(chunks, sums).reversed() {
                backward(chunk, logSumExp[...], coefficients[...], dhidden: dhidden.rows(chunk.range))
            }
        }
        return scores
    }

    /// Adds each token's derivative to its label: `[labels]` of the whole packed sequence, zero outside `examples`.
    private func addCoefficients(
        _ row: PackedSequence,
        _ examples: Range<Int>,
        _ gradient: [Double],
        to all: inout [Float]
    ) {
        let responses = row.examples[examples].flatMap { row.responses[$0.responses] }
        let labels = responses.flatMap { row.responseLabels[$0.labels] }
        precondition(gradient.count == labels.count, "one derivative for each token")
        for (label, derivative) in zip(labels, gradient) { all[Int(label)] += Float(derivative) }
    }
}

// MARK: Logits

extension VocabularyHead {
    /// Consecutive hidden states whose logits are computed together.
    private struct Chunk {
        let row: PackedSequence
        /// Into the packed sequence's `predictionPositions`.
        let range: Range<Int>
        /// `[chunk, D]`.
        let hidden: Matrix
        let projection: Linear
        /// Whether all logits stay until the backward pass.
        let keepsLogits: Bool
        /// The labels that these states predict.
        let labels: Range<Int>

        init(_ row: PackedSequence, _ range: Range<Int>, hidden: Matrix, projection: Linear, keepsLogits: Bool) {
            (self.row, self.range, self.projection, self.keepsLogits) = (row, range, projection, keepsLogits)
            self.hidden = hidden.rows(range)
            labels = HeadDivision.labels(of: row, hidden: range)
        }

        /// The labels whose token lies in a slice of the vocabulary, with their row and column in its logits.
        func labels(in slice: Range<Int>) -> [(index: Int, row: Int, column: Int)] {
            labels.compactMap { index in
                let label = row.labels[index]
                guard slice.contains(Int(label.token)) else { return nil }
                return (index, Int(label.hidden) - range.lowerBound, Int(label.token) - slice.lowerBound)
            }
        }
    }

    /// Computes the chunk's logits, scores their labels, and returns each state's log-sum-exp.
    private func forward(_ chunk: Chunk, into scores: inout SequenceScores) -> [Float] {
        let parts = team.map("head") { thread in
            var state = RunningLogSumExp(rows: chunk.range.count)
            var labelLogits: [(label: Int, logit: Float)] = []
            for slice in team.share(of: division.slices.count, thread: thread) {
                let logits = makeLogits(chunk, slice, thread)
                state.fold(logits)
                for label in chunk.labels(in: division.slices[slice]) {
                    labelLogits.append((label.index, logits[label.row, label.column]))
                }
            }
            return (state: state, labelLogits: labelLogits)
        }
        var state = parts[0].state
        for part in parts.dropFirst() { state.merge(part.state) }
        for (label, logit) in parts.flatMap(\.labelLogits) {
            let hidden = Int(chunk.row.labels[label].hidden) - chunk.range.lowerBound
            scores.logps[label] = Float(Double(logit) - state.logSumExp(row: hidden))
            scores.entropies[label] = Float(state.entropy(row: hidden))
            scores.isTop1[label] = logit == state.largest(row: hidden)
            scores.logSquares[label] = Float(state.logSquares(row: hidden))
        }
        return chunk.range.indices.map { Float(state.logSumExp(row: $0 - chunk.range.lowerBound)) }
    }

    /// Adds the gradients that the chunk gives to the projection, and writes those of its states to `dhidden`.
    ///
    /// - Parameters:
    ///   - logSumExp: `[chunk]`, of `forward`.
    ///   - coefficients: `[labels]` of the packed sequence, the loss's derivatives.
    ///   - dhidden: `[chunk, D]`, overwritten.
    private func backward(
        _ chunk: Chunk,
        _ logSumExp: ArraySlice<Float>,
        _ coefficients: ArraySlice<Float>,
        dhidden: Matrix
    ) {
        let count = chunk.range.count
        var rowCoefficients = Array(repeating: Float(0), count: count)
        for label in chunk.labels {
            rowCoefficients[Int(chunk.row.labels[label].hidden) - chunk.range.lowerBound] += coefficients[label]
        }
        team.run("head backward") { thread in
            let partial = partial(thread, rows: count)
            partial.fill(0)
            for slice in team.share(of: division.slices.count, thread: thread) {
                let logits = chunk.keepsLogits ? place(chunk, slice, thread) : makeLogits(chunk, slice, thread)
                let labels = chunk.labels(in: division.slices[slice])
                let slopes = labels.map { label in
                    cap.map { Kernels.capSlope(logits[label.row, label.column], at: $0) } ?? 1
                }
                Kernels.softmaxGradient(logits, logSumExp: logSumExp, coefficient: rowCoefficients[...], cap: cap)
                for (label, slope) in zip(labels, slopes) {
                    logits[label.row, label.column] += coefficients[label.index] * slope
                }
                let projection = chunk.projection.outputs(division.slices[slice])
                projection.addWeightGradient(dy: logits, x: chunk.hidden)
                projection.inputGradient(logits, into: partial, accumulate: true, widening(thread))
            }
        }
        // Parts are added in the order of threads, independent of the division of rows.
        team.forEachBlock("head reduction", of: count, blockSize: Workspace.blockSize) { block, _ in
            dhidden.rows(block).copy(from: partial(0, rows: count).rows(block))
            for thread in 1..<max(team.count, 1) { dhidden.rows(block).add(partial(thread, rows: count).rows(block)) }
        }
    }

    private func makeLogits(_ chunk: Chunk, _ slice: Int, _ thread: Int) -> Matrix {
        let logits = place(chunk, slice, thread)
        let projection = chunk.projection.outputs(division.slices[slice])
        projection.forward(chunk.hidden, into: logits, widening(thread))
        if let cap { Kernels.cap(logits, at: cap) }
        return logits
    }

    /// The location of a slice of the chunk's logits.
    private func place(_ chunk: Chunk, _ slice: Int, _ thread: Int) -> Matrix {
        let (count, entries) = (chunk.range.count, division.slices[slice])
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
