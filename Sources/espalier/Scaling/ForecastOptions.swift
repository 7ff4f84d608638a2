internal import ArgumentParser
internal import Configuration
internal import Formats
internal import ScalingStudy
internal import SystemPackage

/// The options of the prediction for more nodes, and of its validation.
struct ForecastOptions: ParsableArguments {
    @Option(name: .long, help: "Predict the efficiency for up to this many nodes.")
    var predict: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Network of the predicted nodes: \(Network.known.map(\.name).joined(separator: ", ")), or latency in "
                + "microseconds and bandwidth in Gbit/s, as in 25:9.4, or measured, that of the study (default "
                + "measured).",
            valueName: "network"
        )
    )
    var network: String?

    @Option(name: .long, help: "Ranks per predicted node.")
    var ranksPerNode = 1

    @Option(name: .long, help: "JSON file of another study, to report the prediction error on its measurements.")
    var validate: String?

    /// The parameters of the forecast; nil without a prediction.
    func question() throws -> ScalingForecast.Question? {
        guard predict != nil || validate != nil else {
            if network != nil { throw TrainingError.missing(key: "--predict", for: "--network") }
            return nil
        }
        let nodes = predict ?? 1
        try check("--predict", (1...1 << 20).contains(nodes), "from 1 to 2^20 nodes", nodes)
        try check("--ranks-per-node", (1...1024).contains(ranksPerNode), "from 1 to 1024", ranksPerNode)
        guard let network, network != Self.measured else {
            return ScalingForecast.Question(nodes: nodes, network: nil, ranksPerNode: ranksPerNode)
        }
        guard let known = Network(network) else {
            let names = Network.known.map(\.name) + [Self.measured]
            let hint = nearest(to: network, among: names).map { "; did you mean \($0)?" } ?? ""
            let expected = "one of \(names.joined(separator: ", ")), or MICROSECONDS:GIGABITS"
            throw TrainingError.invalid(key: "--network", expected: expected, found: network + hint)
        }
        return ScalingForecast.Question(nodes: nodes, network: known, ranksPerNode: ranksPerNode)
    }

    /// The study for validation.
    func otherStudy() throws -> ScalingStudy? { try validate.map { try ScalingStudy(path: FilePath($0)) } }

    private static let measured = "measured"
}
