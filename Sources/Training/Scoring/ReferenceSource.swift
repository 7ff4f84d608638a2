internal import Collectives
internal import Foundation
internal import Preferences
internal import Supervision
package import SystemPackage
package import Transformer

/// Provides the reference model's log-probabilities: cached ones from a file, the others by a scoring pass.
package struct ReferenceSource {
    let pass: ScoringPass
    let cache: FilePath?
    /// The number of rows that were computed.
    package private(set) var computedRows = 0

    /// A source that computes with `pass`, whose policy is the reference model, and stores results in `cache`.
    package init(pass: ScoringPass, cache: FilePath?) {
        self.pass = pass
        self.cache = cache
    }

    /// The log-probabilities of at least `rows`, kept in the cache as they come.
    ///
    /// - Throws: `Interrupted` on every rank if any received a signal.
    package mutating func logps(rows: [Int], model: ForestModel) throws -> ReferenceLogps {
        var known = try known()
        let missing = known.missing(among: rows)
        computedRows = missing.count
        let source = self
        var left = missing.count
        try pass.forEachChunk(rows: missing, model: model, title: "reference") { rows, tokens in
            known = try source.keep(tokens, of: rows, with: known)
            left -= rows.count
            if left > 0 { try StopSignal.check(source.pass.communicator, source.place(left: left)) }
        }
        return known
    }

    private func place(left: Int) -> String {
        let rest = cache.map { "what is known is in \($0)" } ?? "nothing is kept without --reference-cache"
        return "in the reference pass, \(left) rows before its end; \(rest)"
    }

    /// Adds the log-probabilities of `rows` from a pass to the cache.
    func keep(_ tokens: [Float], of rows: [Int]) throws {
        guard cache != nil else { return }
        _ = try keep(tokens, of: rows, with: known())
    }

    /// Checks that the cache belongs to the model and the data, before any long computation.
    func check() throws { _ = try cached() }

    private func known() throws -> ReferenceLogps {
        var logps = try cached()
        try logps.takeFromRoot(pass.communicator)
        return logps
    }

    /// What the cache has; rank 0 alone reads it, since it may be the only one that sees it.
    private func cached() throws -> ReferenceLogps {
        let (dataset, communicator) = (pass.planner.dataset, pass.communicator)
        return try communicator.agree {
            guard communicator.rank == 0, let cache, FileManager.default.fileExists(atPath: cache.string) else {
                return ReferenceLogps(dataset)
            }
            return try ReferenceLogps(dataset, cache: cache, modelDigest: pass.policy.digest)
        }
    }

    private func keep(_ tokens: [Float], of rows: [Int], with known: ReferenceLogps) throws -> ReferenceLogps {
        var logps = known
        logps.fill(rows: rows, from: tokens)
        try pass.communicator.agree {
            guard pass.communicator.rank == 0, let cache else { return }
            try logps.write(to: cache, modelDigest: pass.policy.digest)
        }
        return logps
    }
}
