extension Network {
    /// Fits the network that explains the communication times of `runs`; nil if no run had several ranks.
    ///
    /// Least squares of `AllReduceModel`'s formula, with neither number below 0. A single number of ranks does not
    /// separate latency from bandwidth: all counts as bandwidth then.
    package static func fit(_ runs: [ScalingRun], gradientBytes: Int) -> Network? {
        let runs = runs.filter { $0.ranks > 1 }
        guard !runs.isEmpty else { return nil }
        let messages = runs.map { AllReduceModel.messages(bytes: Double(gradientBytes), nodes: $0.ranks) }
        let bytes = runs.map { ScalingPoint.busBytes(gradientBytes, ranks: $0.ranks) }
        let seconds = runs.map { $0.median(\.communication) }
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let (mm, mb, bb) = (dot(messages, messages), dot(messages, bytes), dot(bytes, bytes))
        let (ms, bs) = (dot(messages, seconds), dot(bytes, seconds))
        let determinant = mm * bb - mb * mb
        var (latency, perByte) = (0.0, bs / bb)
        if Set(runs.map(\.ranks)).count > 1, determinant > 0 {
            (latency, perByte) = ((ms * bb - bs * mb) / determinant, (bs * mm - ms * mb) / determinant)
            if latency < 0 { (latency, perByte) = (0, bs / bb) }
            if perByte <= 0 { (latency, perByte) = (ms / mm, 0) }
        }
        let bandwidth = perByte > 0 ? 1 / perByte : .infinity
        return Network(name: "measured", latency: latency, bandwidth: bandwidth, summing: 0)
    }
}
