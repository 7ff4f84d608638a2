internal import ScalingStudy
internal import Testing

/// The prediction of more nodes from a study.
struct ScalingForecastTests {
    private func forecast(
        _ made: SyntheticStudy,
        nodes: Int = 1024,
        network: Network? = Network("10gbe"),
        seed: UInt64 = 42
    ) throws -> ScalingForecast {
        try #require(ScalingForecast.compute(made.study, .init(nodes: nodes, network: network), seed: seed))
    }

    // MARK: The model

    @Test("the parameters that runs were generated with are recovered", arguments: [ScalingStudy.Mode.weak, .strong])
    func recovery(mode: ScalingStudy.Mode) throws {
        var made = SyntheticStudy(mode: mode, perFLOP: 3e-10, spread: 0.03, overlap: 0.4, rest: 0.2, pairsOfRank: 64)
        made.tokensOfPair = 1
        let model = ScalingModel.fit(made.study.runs, of: made.study.subject)
        #expect(agrees(model.spread, 0.03) && agrees(model.overlap, 0.4) && model.plannedImbalance == 1)
        let network = Network(name: "", latency: made.latency, bandwidth: made.bandwidth, summing: 0)
        for ranks in [8, 16, 64] {
            let pairs = Double(mode == .weak ? 64 * ranks : 64)
            let allReduce = AllReduceModel(network: network)
            let parts = model.step(model.work.with(pairs: pairs), nodes: ranks, allReduce: allReduce)
            let compute = 3e-10 * 1e9 * pairs / Double(ranks)
            #expect(agrees(parts.compute, compute) && agrees(parts.rest, 0.2))
            #expect(agrees(parts.waiting, compute * 0.03 * ScalingModel.straggling(ranks: ranks)))
            let whole = allReduce.seconds(bytes: Double(made.gradientBytes), nodes: ranks).seconds
            #expect(agrees(parts.communication, whole))
            // Communication overlaps with at most the backward passes.
            #expect(agrees(parts.exposed, whole - min(0.4 * whole, 2 / 3 * compute)))
            #expect(agrees(parts.total, parts.compute + parts.waiting + parts.exposed + parts.rest))
        }
    }

    @Test("the slowest of 1,024 ranks lies 3.7 deviations beyond the mean, of one rank none")
    func straggling() {
        #expect(
            ScalingModel.straggling(ranks: 1) == 0 && agrees(ScalingModel.straggling(ranks: 1024), 3.7233, within: 1e-4)
        )
    }

    @Test("pairs that cannot be divided evenly make some ranks wait")
    func wholeRows() {
        let made = SyntheticStudy(mode: .strong, spread: 0)
        let model = ScalingModel.fit(made.study.runs, of: made.study.subject)
        let allReduce = AllReduceModel(network: Network(name: "", latency: 0, bandwidth: .infinity, summing: 0))
        // Eight pairs on three ranks: one has three; on sixteen, half have none.
        for (ranks, longest) in [(2, 4.0), (3, 3.0), (8, 1.0), (16, 1.0)] {
            let parts = model.step(model.work, nodes: ranks, allReduce: allReduce)
            #expect(agrees(parts.compute + parts.waiting, longest * made.perFLOP * made.flopsOfPair), "\(ranks)")
        }
    }

    @Test("runs on other numbers of ranks are predicted, with the error of the prediction")
    func validation() throws {
        var made = SyntheticStudy(ranks: [1, 2, 4])
        let forecast = try forecast(made, nodes: 1, network: nil)
        made.ranks = [3, 6]
        let exact = ScalingValidation.compare(forecast, with: made.study)
        #expect(exact.points.map(\.ranks) == [3, 6] && exact.worst < 1e-6)
        made.perFLOP *= 1.25
        let slower = ScalingValidation.compare(forecast, with: made.study)
        #expect(slower.worst > 0.15 && slower.worst < 0.21 && slower.points.allSatisfy { $0.error < 0 })
    }

    // MARK: The forecast

    @Test("more nodes are less efficient, more so on slower networks")
    func monotonicity() throws {
        var last: [Double] = []
        for name in ["ib-hdr", "100gbe", "25gbe", "10gbe"] {
            let points = try forecast(SyntheticStudy(), network: Network(name)).points
            #expect(points.map(\.nodes) == (0...10).map { 1 << $0 } && agrees(points[0].efficiency, 1))
            let values = points.map(\.efficiency)
            #expect(zip(values, values.dropFirst()).allSatisfy { $0 > $1 }, "\(name)")
            #expect(zip(last, values).dropFirst().allSatisfy { $0.0 > $0.1 }, "\(name)")
            last = values
        }
        #expect(try forecast(SyntheticStudy(), nodes: 100).points.map(\.nodes) == [1, 2, 4, 8, 16, 32, 64, 100])
    }

    @Test("runs without noise give a band of width 0; noise widens it, and it contains the estimate")
    func band() throws {
        let widths = try [0, 0.01, 0.05].map { noise in
            let point = try #require(try forecast(SyntheticStudy(noise: noise)).points.last)
            #expect(point.low - 1e-12 <= point.efficiency && point.efficiency <= point.high + 1e-12)
            return point.high - point.low
        }
        #expect(widths[0] < 1e-12 && widths[0] < widths[1] && widths[1] < widths[2])
    }

    @Test("the same seed gives the same forecast, another seed another band with the same estimate")
    func seeds() throws {
        let made = SyntheticStudy(noise: 0.03)
        let (a, b) = (try forecast(made).points, try forecast(made).points)
        #expect(a.map(\.low) == b.map(\.low) && a.map(\.high) == b.map(\.high))
        let other = try forecast(made, seed: 7).points
        #expect(a.map(\.low) != other.map(\.low) && a.map(\.efficiency) == other.map(\.efficiency))
    }

    @Test("a node of 500 GFLOP/s on 10 Gbit/s needs 7,600 tokens per step for 95 %, as by hand")
    func tokens() throws {
        // E/(1-E) · (2 · 4 bytes / 1.25 GB/s) · (500 GFLOP/s / 8): 8 FLOPs per parameter and token, here a pair.
        var made = SyntheticStudy(ranks: [1, 2], perFLOP: 1 / 500e9, spread: 0, rest: 0)
        made.flopsOfPair = 8 * Double(made.gradientBytes / 4)
        made.tokensOfPair = 1
        let network = Network(name: "", latency: 0, bandwidth: 1.25e9, summing: 0)
        let points = try forecast(made, nodes: 1 << 20, network: network).points
        let pairs = try #require(points.last?.sufficientPairs)
        #expect(pairs % (1 << 20) == 0 && abs(pairs / (1 << 20) - 7600) <= 1)
        #expect(points[0].sufficientPairs == 1, "a lone node is as good as one")
    }

    @Test("the sufficient number of pairs is sufficient, and one fewer per node is not")
    func sufficientPairs() throws {
        let made = SyntheticStudy(spread: 0.002, overlap: 0.5)
        let forecast = try forecast(made)
        for point in forecast.points.dropFirst() {
            let pairs = try #require(point.sufficientPairs)
            func efficiency(_ ofNode: Int) -> Double {
                let alone = forecast.model.work.with(pairs: Double(ofNode))
                let together = forecast.model.work.with(pairs: Double(ofNode * point.nodes))
                func seconds(_ work: ScalingModel.StepWork, _ nodes: Int) -> Double {
                    forecast.model.step(work, nodes: nodes, allReduce: forecast.allReduce).total
                }
                return seconds(alone, 1) / seconds(together, point.nodes)
            }
            let ofNode = pairs / point.nodes
            #expect(efficiency(ofNode) >= 0.95 && (ofNode == 1 || efficiency(ofNode - 1) < 0.95), "\(point.nodes)")
        }
    }

    @Test("if ranks differ too much, no number of pairs suffices")
    func hopeless() throws {
        let points = try forecast(SyntheticStudy(spread: 0.05)).points
        #expect(points[0].sufficientPairs != nil && points[10].sufficientPairs == nil)
    }

    @Test("a study of one rank predicts with a given network, and not with its own")
    func oneRank() throws {
        let alone = SyntheticStudy(ranks: [1], noise: 0.02)
        let point = try #require(try forecast(alone).points.last)
        #expect(point.efficiency > 0 && point.efficiency < 1 && point.parts.waiting > 0)
        #expect(ScalingForecast.compute(alone.study, .init(nodes: 4, network: nil)) == nil)
    }
}
