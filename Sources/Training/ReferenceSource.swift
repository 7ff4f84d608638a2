internal import Collectives
internal import Foundation
internal import Preferences
package import SystemPackage
package import Transformer

/// Gets the reference model's log-probabilities: from the cache what it has, computed what it lacks.
package struct ReferenceSource {
    let pass: ScoringPass
    let cache: FilePath?
    /// Rows that had to be computed.
    package private(set) var computedRows = 0

    /// A source that computes by `pass`, whose policy is the reference model, and keeps results in `cache`.
    package init(pass: ScoringPass, cache: FilePath?) {
        self.pass = pass
        self.cache = cache
    }

    /// The log-probabilities of at least `rows`.
    package mutating func logps(rows: [Int], model: ForestModel) throws -> ReferenceLogps {
        let (dataset, communicator) = (pass.planner.dataset, pass.communicator)
        let digest = pass.policy.digest
        var logps = try communicator.agree {
            guard let cache, FileManager.default.fileExists(atPath: cache.string) else {
                return ReferenceLogps(dataset)
            }
            return try ReferenceLogps(dataset, cache: cache, modelDigest: digest)
        }
        let missing = logps.missing(among: rows)
        computedRows = missing.count
        guard !missing.isEmpty else { return logps }
        let progress = ProgressLine(title: "reference", rank: communicator.rank)
        let computed = try pass.tokenLogps(rows: missing, model: model) { fraction in
            progress.show(fraction, details: "\(missing.count) rows", isMilestone: fraction == 1)
        }
        progress.finish()
        logps.fill(rows: missing, from: computed)
        if let cache {
            try communicator.agree {
                if communicator.rank == 0 { try logps.write(to: cache, modelDigest: digest) }
            }
        }
        return logps
    }
}
