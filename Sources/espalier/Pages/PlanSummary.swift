internal import Compute
internal import Configuration
internal import Preferences
internal import Reporting
internal import Training

/// The summary that `espalier plan` prints before the tree.
struct PlanSummary {
    private let dataset: PreferenceDataset
    private let configuration: TrainingConfiguration
    private let forecast: RunForecast

    init(_ dataset: PreferenceDataset, _ configuration: TrainingConfiguration, _ forecast: RunForecast) {
        self.dataset = dataset
        self.configuration = configuration
        self.forecast = forecast
    }

    var text: String {
        [lengths, sharing, schedule].map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    // MARK: Parts

    private var lengths: [String] {
        let rows = 0..<dataset.count
        let responses = (0..<dataset.responseCount).map { dataset.responseRange($0).count }
        return [
            line("tokens", ["min", "median", "90 %", "max", "count"]),
            line("  prompt", quantiles(rows.map { dataset.prompt($0).count })),
            line("  response", quantiles(responses)),
            line("  longest", quantiles(rows.map { dataset.longestSequence(of: $0) })),
            "  longest: of each example, the prompt with its longest response",
        ]
    }

    private var sharing: [String] {
        let base = forecast.sharing[0]
        return [line("sharing", ["tokens", "TFLOP", "ratio", "saved"])]
            + forecast.sharing.map { sharing in
                let saved = 100 * (1 - Double(sharing.tokens) / Double(base.tokens))
                let cells = [
                    "\(sharing.tokens)", tera(sharing.flops), rounded(base.flops / sharing.flops, 2),
                    "\(rounded(saved, 1)) %",
                ]
                let mark = sharing.kind == chosen ? "  ◀" : ""
                return line("  " + sharing.kind.rawValue, cells) + mark + remark(sharing.kind)
            } + [
                "  ratio: FLOPs without sharing over those with it, about the speed-up",
                "  saved: of the tokens without sharing",
            ]
    }

    private var chosen: SharingKind { SharingKind(configuration.sharing, groupsByPrompt: configuration.groupByPrompt) }

    private func remark(_ kind: SharingKind) -> String {
        switch kind {
        case .none, .prompt: return ""
        case .example: return "  prefix, in an example"
        case .prefix: return "  + across examples"
        case .any: return "  + any common prefix"
        case .grouped: return "  with --group-by-prompt"
        }
    }

    private var schedule: [String] {
        let rows = forecast.rows
        let fill = Double(rows.tokens) / Double(max(rows.capacity, 1))
        let run = forecast.sharing.first { $0.kind == self.chosen }
        let share = (run?.flops ?? 0) / Double(forecast.steps * forecast.ranks)
        let mean = forecast.imbalance.reduce(0, +) / Double(max(forecast.imbalance.count, 1))
        let oversized =
            rows.oversized == 0 ? "" : "\n         \(rows.oversized) for a larger tree, at most \(rows.largest) tokens"
        let idle = forecast.stepsWithIdleRanks
        return [
            "steps    \(forecast.steps) of \(counted(configuration.globalBatchSize, "example")), "
                + "\(forecast.stepsPerEpoch) per epoch"
        ] + warmup + [
            "packing  \(counted(rows.count, "sequence")) of at most \(configuration.rowTokens) tokens, "
                + "\(rounded(100 * fill, 0)) % full\(oversized)",
            "ranks    \(forecast.ranks), each \(tera(share)) TFLOP per step",
            "balance  load imbalance (maximum over mean) \(rounded(mean, 2)), "
                + "at worst \(rounded(forecast.imbalance.max() ?? 1, 2))"
                + (idle == 0 ? "" : "\n         \(counted(idle, "step")) with an idle rank"),
            "memory   \(gigabytes(forecast.memory.total)) GB per rank: "
                + "\(gigabytes(forecast.memory.model)) weights, gradients and optimizer state,",
            "         \(gigabytes(forecast.memory.workspace)) activations and logits",
        ] + products + evaluation
    }

    /// The number format of products, unless it is the default.
    private var products: [String] {
        let precision = configuration.precision
        guard precision != .float32 else { return [] }
        let hasInstructions = ProductKernel.bfloat16.contains(where: \.isAvailable)
        let format = precision == .auto ? "bfloat16 or float32, as measured" : "bfloat16"
        let result = precision == .auto ? "float32 here" : "refused here"
        return ["products in \(format); FLOPs and memory are those of float32"]
            + (hasInstructions ? [] : ["         \(result): this processor has neither AVX512-BF16 nor AMX-BF16"])
    }

    private var warmup: [String] {
        let rates = configuration.learningRates(steps: forecast.steps)
        guard !rates.isZero else { return ["warm-up  every step has the learning rate 0: train refuses this schedule"] }
        guard rates.warmupSteps > 0 else { return [] }
        let highest = rates.highestRate < configuration.learningRate ? " of \(configuration.learningRate)" : ""
        return [
            "warm-up  \(rates.warmupSteps) of \(forecast.steps) steps, highest learning rate "
                + "\(rates.highestRate)\(highest)"
        ]
    }

    private var evaluation: [String] {
        guard let evaluation = forecast.evaluation else { return [] }
        let share = evaluation.flops / Double(forecast.ranks)
        return [
            "eval     \(counted(evaluation.count, "evaluation")) of \(counted(evaluation.rows, "example")), "
                + "each \(tera(share)) TFLOP per rank"
        ]
    }

    // MARK: Numbers

    private func quantiles(_ counts: [Int]) -> [String] {
        let sorted = counts.sorted()
        let ranks = [0, sorted.count / 2, sorted.count * 9 / 10, sorted.count - 1]
        return ranks.map { "\(sorted[$0])" } + ["\(sorted.count)"]
    }

    private func line(_ title: String, _ cells: [String]) -> String {
        func gap(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) }
        return title + gap(title, 11) + cells.map { gap($0, 10) + $0 }.joined()
    }

    private func tera(_ flops: Double) -> String { rounded(flops / 1e12, flops < 1e13 ? 2 : 0) }

    private func gigabytes(_ bytes: Int) -> String { rounded(Double(bytes) / 1e9, 2) }
}
