internal import Foundation

/// The Plackett–Luce negative log-likelihood of a ranking: the best is chosen among all, the second best among the
/// rest, and so on.
///
/// `-Σ_k log( e^(βL_k) / (e^(βL_k) + Σ_{j worse than k} e^(βL_j)) )`, `L = log π - log π_ref`: Rafailov et al. 2023,
/// appendix A.3. A tied response competes only with worse ones, so that ties have no gradient on each other. With two
/// responses it is the sigmoid loss.
struct PlackettLuceObjective: Sendable {
    let beta: Double

    /// The loss of a ranking, and its derivative with respect to the log-probability of each response.
    func loss(of row: RankedLogps) -> (value: Double, derivatives: [Double]) {
        let rewards = row.responses.map { beta * ($0.policySum - $0.referenceSum) }
        var (value, derivatives) = (0.0, rewards.map { _ in 0.0 })
        for (picked, response) in row.responses.enumerated() {
            let worse = row.responses.indices.filter { row.responses[$0].rank > response.rank }
            guard !worse.isEmpty else { continue }
            let top = worse.reduce(rewards[picked]) { max($0, rewards[$1]) }
            let masses = worse.map { exp(rewards[$0] - top) }
            let rest = masses.reduce(0, +)
            let total = rest + exp(rewards[picked] - top)
            // `log(total) + top - reward`, accurate for small losses.
            value += rewards[picked] == top ? log1p(rest) : log(total) + (top - rewards[picked])
            derivatives[picked] -= beta * rest / total
            for (index, mass) in zip(worse, masses) { derivatives[index] += beta * mass / total }
        }
        return (value, derivatives)
    }
}

extension LossType {
    /// See `PlackettLuceObjective`; a step takes the mean over examples.
    static let plackettLuce = LossType("plackett_luce", takes: []) { settings in
        [.init(.ranking(PlackettLuceObjective(beta: settings.beta)))]
    }
}
