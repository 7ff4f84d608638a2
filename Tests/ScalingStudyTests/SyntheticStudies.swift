internal import ScalingStudy

/// A study whose runs follow the model exactly, with known parameters.
struct SyntheticStudy {
    var ranks = [1, 2, 4]
    var turns = 3
    var mode = ScalingStudy.Mode.weak
    /// Seconds per FLOP of a rank.
    var perFLOP = 1e-9
    /// The relative deviation of the speed of ranks.
    var spread = 0.01
    /// The fraction of communication that overlaps with computation.
    var overlap = 0.0
    var rest = 0.05
    var pairsOfRank = 8
    var flopsOfPair = 1e9
    var tokensOfPair = 500
    var gradientBytes = 20_000_000
    var latency = 1e-4
    var bandwidth = 1e9
    /// The relative variation between turns, and between steps.
    var noise = 0.0

    /// Seconds of the reduction of the gradient.
    func communication(ranks: Int) -> Double {
        let network = Network(name: "", latency: latency, bandwidth: bandwidth, summing: 0)
        return AllReduceModel(network: network).seconds(bytes: Double(gradientBytes), nodes: ranks).seconds
    }

    /// A step according to the model.
    func step(ranks: Int, factor: Double = 1) -> ScalingRun.Step {
        let pairs = mode == .weak ? pairsOfRank * ranks : pairsOfRank
        let compute = factor * perFLOP * flopsOfPair * Double(pairs) / Double(ranks)
        let imbalance = 1 + spread * ScalingModel.straggling(ranks: ranks)
        let communication = communication(ranks: ranks)
        let exposed = (1 - overlap) * communication
        return ScalingRun.Step(
            seconds: compute * imbalance + exposed + rest,
            compute: compute,
            communication: communication,
            exposed: exposed,
            imbalance: imbalance,
            spread: ranks > 1 ? spread : 0
        )
    }

    var study: ScalingStudy {
        let subject = ScalingStudy.Subject(
            model: "m",
            parameters: gradientBytes / 4,
            gradientBytes: gradientBytes,
            data: "d",
            sharing: "prefix",
            rowTokens: 1 << 20,
            threads: 1
        )
        var study = ScalingStudy(mode: mode, rows: pairsOfRank, subject: subject, runs: [])
        for turn in 1...turns {
            for ranks in ranks {
                let pairs = mode == .weak ? pairsOfRank * ranks : pairsOfRank
                let slow = 1 + noise * Double(turn % 3 - 1)
                let steps = (0..<5).map { step(ranks: ranks, factor: slow * (1 + noise * Double($0 - 2) / 4)) }
                study.add(
                    ScalingRun(
                        ranks: ranks,
                        turn: turn,
                        peakGflops: 2 * Double(ranks),
                        pairs: pairs,
                        tokens: tokensOfPair * pairs,
                        flops: flopsOfPair * Double(pairs),
                        plannedImbalance: 1,
                        steps: steps
                    )
                )
            }
        }
        return study
    }
}

/// Whether two numbers agree to a tolerance relative to the second.
func agrees(_ found: Double, _ expected: Double, within tolerance: Double = 1e-9) -> Bool {
    abs(found - expected) <= tolerance * abs(expected)
}
