extension LossType.Reward {
    /// The definition for a mixture of losses: the log-ratio if any of them needs the reference.
    init(ofMixture rewards: [LossType.Reward]) {
        self = rewards.contains(.logRatio) ? .logRatio : rewards.contains(.meanLogp) ? .meanLogp : .logp
    }
}

extension ObjectiveSettings {
    /// The formula of a reward in the metrics of a run with these losses; nil if one of them is unknown.
    package static func rewardFormula(ofLosses names: [String]) -> String? {
        let rewards = names.compactMap { name in LossType.all.first { $0.name == name }?.reward }
        guard !names.isEmpty, rewards.count == names.count else { return nil }
        return switch LossType.Reward(ofMixture: rewards) {
        case .logRatio: "β (log π − log π_ref)"
        case .logp: "β log π"
        case .meanLogp: "β log π / |y|"
        }
    }
}
