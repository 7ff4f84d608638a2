package import Compute

extension Linear {
    /// The contribution of one product to the gradients of its parameters.
    package struct Contribution {
        let linear: Linear
        /// `[T, M]`.
        let dy: Matrix
        /// `[T, N]`.
        let x: Matrix
        /// What an adapter needs in addition; nil for none.
        let lowRank: LowRankStates?

        /// `dyᵀ x` for the weights of `linear`.
        package init(linear: Linear, dy: Matrix, x: Matrix, lowRank: LowRankStates? = nil) {
            (self.linear, self.dy, self.x, self.lowRank) = (linear, dy, x, lowRank)
        }
    }

    /// The states of a product's adapter for all tokens.
    package struct LowRankStates {
        /// `x Aᵀ`, `[T, R]`.
        let states: Matrix
        /// The gradient of `x Aᵀ`, `[T, R]`, of `inputGradient`.
        let gradient: Matrix
    }

    /// Adds several products' contributions in one phase, each thread an equal part of the elements of all results.
    ///
    /// A single phase divides few results, so that the library packs few operands twice, and threads synchronize once.
    /// All contributions have the same `T`, so a result's elements measure its work.
    ///
    /// - Parameter scratch: A matrix for each thread, for adapters with magnitudes.
    package static func addWeightGradients(_ contributions: [Contribution], team: ThreadTeam, scratch: [Matrix] = []) {
        let results = contributions.flatMap(\.results)
        let total = results.reduce(0) { $0 + $1.elementCount }
        guard total > 0 else { return }
        team.run("weight gradients") { thread in
            let share = team.share(of: total, thread: thread)
            var start = 0
            for result in results {
                let part = result.part(of: share, start: start)
                if !part.isEmpty { result.add(part, scratch.isEmpty ? nil : scratch[thread]) }
                start += result.elementCount
            }
        }
    }
}

/// A matrix of gradients that threads divide.
private struct GradientResult {
    /// The divided dimension, the elements for each of it, and the multiple at which it is divided.
    let count: Int
    let width: Int
    let step: Int
    /// Adds a part's gradients, with the thread's scratch matrix.
    let add: (_ part: Range<Int>, _ scratch: Matrix?) -> Void

    var elementCount: Int { count * width }

    /// The part that falls to a share of all elements, of which those of this result begin with number `start`.
    func part(of share: Range<Int>, start: Int) -> Range<Int> {
        func bound(_ element: Int) -> Int {
            let steps = max(element - start, 0) / (width * step)
            return element - start >= elementCount ? count : min(steps * step, count)
        }
        return bound(share.lowerBound)..<bound(share.upperBound)
    }
}

extension Linear.Contribution {
    /// Results are divided at multiples of the block size of the library's kernels.
    private static let step = 16

    fileprivate var results: [GradientResult] {
        let isTrained = linear.weightGradient != nil || linear.biasGradient != nil
        return (isTrained ? [whole] : []) + (linear.lowRank.map(lowRankResults) ?? [])
    }

    /// Weight and bias, by outputs.
    private var whole: GradientResult {
        GradientResult(count: linear.weight.rows, width: linear.weight.columns, step: Self.step) { outputs, _ in
            linear.withoutAdapter.outputs(outputs).addWeightGradient(dy: dy.columns(outputs), x: x)
        }
    }

    /// `B` and magnitudes of each module, by outputs, then `A`, by inputs.
    private func lowRankResults(_ adapter: LowRank) -> [GradientResult] {
        guard let lowRank, adapter.aGradient != nil else { return [] }
        let outputs = adapter.parts.map { part in
            let width = part.ranks.count + (part.magnitude == nil ? 0 : linear.weight.columns)
            return GradientResult(count: part.outputs.count, width: width, step: Self.step) { outputs, scratch in
                guard part.magnitude != nil, let scratch else {
                    return adapter.addOutputGradient(of: part, dy: dy, states: lowRank.states, outputs: outputs)
                }
                adapter.addScaledGradient(
                    of: part,
                    dy: dy,
                    x: x,
                    states: lowRank.states,
                    weight: linear.weight,
                    outputs: outputs,
                    scratch: scratch,
                    products: linear.products
                )
            }
        }
        let inputs = GradientResult(count: linear.weight.columns, width: adapter.rank, step: Self.step) { inputs, _ in
            adapter.addInputGradient(dstates: lowRank.gradient, x: x, inputs: inputs)
        }
        return outputs + [inputs]
    }
}
