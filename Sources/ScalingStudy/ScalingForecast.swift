internal import Preferences

/// What a study lets expect of more nodes, with how far its own noise makes that uncertain.
package struct ScalingForecast: Sendable {
    /// What is asked of a forecast.
    package struct Question: Sendable {
        /// The most nodes.
        package var nodes: Int
        /// Nil for the network on which the study ran.
        package var network: Network?
        package var ranksPerNode: Int

        /// A question about up to so many nodes.
        package init(nodes: Int, network: Network?, ranksPerNode: Int = 1) {
            (self.nodes, self.network, self.ranksPerNode) = (nodes, network, ranksPerNode)
        }
    }

    /// A number of nodes.
    package struct Point: Sendable {
        package let nodes: Int
        package let ranks: Int
        package let algorithm: AllReduceModel.Algorithm
        /// Of a step, over all nodes.
        package let pairs: Int
        package let parts: ScalingModel.Parts
        /// The work that nodes do in a second over what as many would do that are alone.
        package let efficiency: Double
        /// Between which nine of ten forecasts lie, of runs and steps drawn anew from those that were measured.
        package let low: Double
        package let high: Double
        /// The fewest pairs of a step, over all nodes, with which efficiency stays at `target`; nil where none suffice.
        package let sufficientPairs: Int?
    }

    /// The efficiency that `sufficientPairs` keep.
    package static let target = 0.95
    private static let resamples = 1000
    private static let mostPairsOfANode = 1 << 20

    package let allReduce: AllReduceModel
    package let model: ScalingModel
    package let points: [Point]

    /// A forecast from a study; nil where the network is to be that of a study of one rank.
    ///
    /// - Parameter seed: Keys the draws; the same seed gives the same forecast.
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

    /// Powers of two below `most`, and it.
    static func nodes(upTo most: Int) -> [Int] {
        var nodes = [1]
        while nodes[nodes.count - 1] * 2 < most { nodes.append(nodes[nodes.count - 1] * 2) }
        return most > 1 ? nodes + [most] : nodes
    }

    /// As many runs of each number of ranks, drawn from those that there are, and of each as many of its steps.
    private static func resampled(_ runs: [ScalingRun], _ random: inout CounterRandom) -> [ScalingRun] {
        let alike = Dictionary(grouping: runs, by: \.ranks)
        return runs.map { run in
            let others = alike[run.ranks] ?? [run]
            var copy = others[Int(random.next(below: UInt64(others.count)))]
            copy.steps = copy.steps.map { _ in copy.steps[Int(random.next(below: UInt64(copy.steps.count)))] }
            return copy
        }
    }

    // MARK: One estimate

    /// The model that fits some runs, on the network of the question.
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

        /// The step that a study of this mode would take on so many nodes.
        func work(nodes: Int, _ study: ScalingStudy) -> ScalingModel.StepWork {
            guard study.mode == .weak else { return model.work }
            let ranks = Double(study.ranks.max() ?? 1)
            return model.work.with(pairs: model.work.pairs / ranks * Double(nodes * allReduce.ranksPerNode))
        }

        func efficiency(nodes: Int, _ study: ScalingStudy) -> Double {
            efficiency(of: work(nodes: nodes, study), beside: work(nodes: 1, study), nodes: nodes)
        }

        /// `(w_N / t_N) / (N w_1 / t_1)` for steps of work `w_N` on `N` nodes and `w_1` on one.
        private func efficiency(
            of work: ScalingModel.StepWork,
            beside alone: ScalingModel.StepWork,
            nodes: Int
        ) -> Double {
            let together = model.step(work, nodes: nodes, allReduce: allReduce).total
            let single = model.step(alone, nodes: 1, allReduce: allReduce).total
            return work.flops / together / (Double(nodes) * alone.flops / single)
        }

        /// The fewest pairs of a step with which a node of many works as well as one that has its share alone.
        func sufficientPairs(nodes: Int, limit: Int) -> Int? {
            func suffice(_ pairs: Int) -> Bool {
                let alone = model.work.with(pairs: Double(pairs))
                let work = model.work.with(pairs: Double(pairs * nodes))
                return efficiency(of: work, beside: alone, nodes: nodes) >= ScalingForecast.target
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
