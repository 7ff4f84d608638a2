internal import Objectives

/// The differences between the settings of several runs, and what they mean for a comparison of metrics.
struct RunComparison {
    /// A setting that differs: its text in each run; nil where it is not set.
    struct Difference {
        let key: String
        let texts: [String?]
    }

    let differences: [Difference]
    private let runs: [RecordedRun]

    /// The settings that say where a run is rather than what it does.
    private static let places: Set<String> = ["output", "resume_from_checkpoint", "reference_cache"]

    init(_ runs: [RecordedRun]) {
        self.runs = runs
        // A run without settings differs in none that are known.
        let known = runs.filter { !$0.settings.isEmpty }
        var keys: [String] = []
        var seen = Self.places
        for run in known { for (key, _) in run.settings where seen.insert(key).inserted { keys.append(key) } }
        differences = keys.compactMap { key in
            guard Set(known.map { $0.setting(key) }).count > 1 else { return nil }
            return Difference(key: key, texts: runs.map { $0.setting(key) })
        }
    }

    // MARK: Metrics

    /// Why a metric of these runs is not one and the same quantity; nil if it is, as far as the settings say.
    func obstacle(to metric: Metric) -> String? {
        let reasons = differing(Self.keys(of: metric)) + (Self.hasReward(metric) ? rewardReasons : [])
        guard !reasons.isEmpty else { return nil }
        return "Not comparable between these runs: \(reasons.joined(separator: "; "))."
    }

    /// What holds for all metrics.
    var remarks: [String] {
        let data = differing(["data", "eval_data", "pairs"])
        let batch = differing(["global_batch_size"])
        let loss = differing(Self.objectiveKeys)
        return [
            loss.isEmpty
                ? nil
                : "The runs have different objectives (\(loss.joined(separator: "; "))): figures say what cannot be compared.",
            data.isEmpty ? nil : "The runs learn or are evaluated on different data (\(data.joined(separator: "; "))).",
            batch.isEmpty
                ? nil : "A step has a different number of examples in each run (\(batch.joined(separator: "; "))).",
        ].compactMap { $0 }
    }

    private static let objectiveKeys = ObjectiveSettings.CodingKeys.allCases.map(\.rawValue)

    /// The settings on which the definition of a metric depends.
    private static func keys(of metric: Metric) -> [String] {
        switch metric.key {
        case Metric.loss.key, Metric.gradientNorm.key: objectiveKeys + ["pairs"]
        case Metric.chosenReward.key, Metric.rejectedReward.key, Metric.margin.key: ["beta", "ld_alpha", "pairs"]
        case Metric.accuracy.key, Metric.chosenLogp.key, Metric.rejectedLogp.key: ["ld_alpha", "pairs"]
        default: []
        }
    }

    private static func hasReward(_ metric: Metric) -> Bool { metric.key.hasPrefix("rewards/") }

    private func differing(_ keys: [String]) -> [String] {
        differences.filter { keys.contains($0.key) }.map { difference in
            "\(difference.key) is \(difference.texts.map { $0 ?? "not set" }.joined(separator: ", "))"
        }
    }

    /// The difference between the formulas of a reward, which follow from the losses.
    private var rewardReasons: [String] {
        let formulas = runs.compactMap { run -> String? in
            guard let text = run.setting("loss_type") else { return nil }
            let names = text.filter { !"[] ".contains($0) }.split(separator: ",").map(String.init)
            return ObjectiveSettings.rewardFormula(ofLosses: names) ?? "that of \(text)"
        }
        return Set(formulas).count > 1 ? ["a reward is \(formulas.joined(separator: ", "))"] : []
    }
}
