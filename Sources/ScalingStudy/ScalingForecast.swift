internal import Preferences

/// A forecast for more nodes from a study, with the uncertainty from the study's noise.
package struct ScalingForecast: Sendable {
    /// The parameters of a forecast.
    package struct Question: Sendable {
        /// The most nodes.
        package var nodes: Int
        /// The network; nil for that of the study.
        package var network: Network?
        package var ranksPerNode: Int

        /// A question about up to `nodes` nodes.
        package init(nodes: Int, network: Network?, ranksPerNode: Int = 1) {
            (self.nodes, self.network, self.ranksPerNode) = (nodes, network, ranksPerNode)
        }
    }

    /// The forecast for a number of nodes.
    package struct Point: Sendable {
        package let nodes: Int
        package let ranks: Int
        package let algorithm: AllReduceModel.Algorithm
        /// Pairs of a step, over all nodes.
        package let pairs: Int
        package let parts: ScalingModel.Parts
        /// The work per second of all nodes over that of the same number of independent nodes.
        package let efficiency: Double
        /// The 5 % and 95 % quantiles of forecasts from resampled runs and steps.
        package let low: Double
        package let high: Double
        /// The fewest pairs of a step, over all nodes, with which efficiency stays at `target`; nil if no number
        /// suffices.
        package let sufficientPairs: Int?
    }

    /// The efficiency that `sufficientPairs` maintains.
    package static let target = 0.95
    private static let resamples = 1000
    private static let mostPairsOfANode = 1 << 20

    package let allReduce: AllReduceModel
    package let model: ScalingModel
    package let points: [Point]

    /// Computes a forecast from a study; nil for the study's own network if the study has only one rank.
    ///
    /// - Parameter seed: The seed of the resampling; the same seed gives the same forecast.
    package static func compute(_ study: ScalingStudy, _ question: Question, seed: UInt64 = 42) -> ScalingForecast? {
        guard let whole = Estimate.fit(study.runs, of: study, question) else { return nil }
        let nodes = nodes(upTo: question.nodes)
        var random = CounterRandom(seed: seed, stream: 0)
        let drawn = (0..<resamples).compactMap { _ in
            Estimate.fit(resampled(study.runs, &random), of: study, question).map { estimate in
                nodes.map { estimate.efficiency(nodes: $0, study) }
            }
        }
        let points = nodes.enumerated().map { index, nodes in
            let sorted = drawn.map { $0[index] }.sorted()
            func quantile(_ share: Double) -> Double { sorted[Int((share * Double(sorted.count - 1)).rounded())] }
            let work = whole.work(nodes: nodes, study)
            return Point(
                nodes: nodes,
                ranks: nodes * question.ranksPerNode,
                algorithm: whole.allReduce.seconds(bytes: Double(study.subject.gradientBytes), nodes: nodes).algorithm,
                pairs: Int(work.pairs.rounded()),
                parts: whole.model.step(work, nodes: nodes, allReduce: whole.allReduce),
                efficiency: whole.efficiency(nodes: nodes, study),
                low: quantile(0.05),
                high: quantile(0.95),
                sufficientPairs: whole.sufficientPairs(nodes: nodes, limit: mostPairsOfANode)
            )
        }
        return ScalingForecast(allReduce: whole.allReduce, model: whole.model, points: points)
    }

    /// Powers of two below `most`, and `most`.
    static func nodes(upTo most: Int) -> [Int] {
        var nodes = [1]
        while nodes[nodes.count - 1] * 2 < most { nodes.append(nodes[nodes.count - 1] * 2) }
        return most > 1 ? nodes + [most] : nodes
    }

    /// Resamples the runs of each number of ranks, and the steps of each run, with replacement.
    private static func resampled(_ runs: [ScalingRun], _ random: inout CounterRandom) -> [ScalingRun] {
        let groups = Dictionary(grouping: runs, by: \.ranks)
        return runs.map { run in
            let others = groups[run.ranks] ?? [run]
            var copy = others[Int(random.next(below: UInt64(others.count)))]
            copy.steps = copy.steps.map { _ in copy.steps[Int(random.next(below: UInt64(copy.steps.count)))] }
            return copy
        }
    }

    // MARK: One estimate

    /// A fitted model, on the network of the question.
    private struct Estimate {
        let model: ScalingModel
        let allReduce: AllReduceModel

        static func fit(_ runs: [ScalingRun], of study: ScalingStudy, _ question: Question) -> Estimate? {
            let bytes = study.subject.gradientBytes
            guard let network = question.network ?? Network.fit(runs, gradientBytes: bytes) else { return nil }
            let within = runs.filter { $0.ranks <= question.ranksPerNode }
            let node = Network.fit(within, gradientBytes: bytes)?.bandwidth
            let perNode = question.ranksPerNode
            let allReduce =
                node.map { AllReduceModel(network: network, ranksPerNode: perNode, nodeBandwidth: $0) }
                ?? AllReduceModel(network: network, ranksPerNode: perNode)
            return Estimate(model: ScalingModel.fit(runs, of: study.subject), allReduce: allReduce)
        }

        /// The step of a study of this mode on `nodes` nodes.
        func work(nodes: Int, _ study: ScalingStudy) -> ScalingModel.StepWork {
            guard study.mode == .weak else { return model.work }
            let ranks = Double(study.ranks.max() ?? 1)
            return model.work.with(pairs: model.work.pairs / ranks * Double(nodes * allReduce.ranksPerNode))
        }

        func efficiency(nodes: Int, _ study: ScalingStudy) -> Double {
            efficiency(of: work(nodes: nodes, study), relativeTo: work(nodes: 1, study), nodes: nodes)
        }

        /// `(w_N / t_N) / (N w_1 / t_1)` for steps of work `w_N` on `N` nodes and `w_1` on one.
        private func efficiency(
            of work: ScalingModel.StepWork,
            relativeTo alone: ScalingModel.StepWork,
            nodes: Int
        ) -> Double {
            let together = model.step(work, nodes: nodes, allReduce: allReduce).total
            let single = model.step(alone, nodes: 1, allReduce: allReduce).total
            return work.flops / together / (Double(nodes) * alone.flops / single)
        }

        /// The fewest pairs of a step with which a node of many is as efficient as a single node with its share.
        func sufficientPairs(nodes: Int, limit: Int) -> Int? {
            func suffice(_ pairs: Int) -> Bool {
                let alone = model.work.with(pairs: Double(pairs))
                let work = model.work.with(pairs: Double(pairs * nodes))
                return efficiency(of: work, relativeTo: alone, nodes: nodes) >= ScalingForecast.target
            }
            var most = allReduce.ranksPerNode
            while !suffice(most) {
                guard most < limit else { return nil }
                most *= 2
            }
            // Half of it does not suffice.
            var few = most / 2
            while most - few > 1 {
                let middle = (few + most) / 2
                if suffice(middle) { most = middle } else { few = middle }
            }
            return most * nodes
        }
    }
}
