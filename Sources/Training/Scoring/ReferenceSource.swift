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
    /// The number of examples that were computed.
    package private(set) var computedExamples = 0

    /// A source that computes with `pass`, whose policy is the reference model, and stores results in `cache`.
    package init(pass: ScoringPass, cache: FilePath?) {
        self.pass = pass
        self.cache = cache
    }

    /// The log-probabilities of at least `rows`.
    ///
    /// Computed values are appended to a journal next to the cache, and written to the cache when all are known: each
    /// is sent once, and written at most twice.
    ///
    /// - Throws: `Interrupted` on every rank if any received a signal.
    package mutating func logps(rows: [Int], model: ForestModel) throws -> ReferenceLogps {
        var known = try known()
        let missing = known.missing(among: rows)
        computedExamples = missing.count
        let (source, communicator, journal) = (self, pass.communicator, journal)
        var left = missing.count
        try pass.forEachChunk(rows: missing, model: model, title: "reference") { rows in
            known.fill(rows)
            left -= rows.rows.count
            guard left > 0 else { return try source.write(known, journal) }
            try communicator.agree { try journal?.append(rows) }
            try StopSignal.check(communicator, source.place(left: left))
        }
        return known
    }

    /// The journal of the cache; nil without a cache, and except on rank 0.
    private var journal: ReferenceJournal? {
        guard pass.communicator.rank == 0, let cache else { return nil }
        return ReferenceJournal(of: cache, pass.planner.dataset, modelDigest: pass.policy.scoringDigest)
    }

    private func place(left: Int) -> String {
        let rest =
            cache.map { "those computed are in \(ReferenceJournal.path(of: $0)), start the run again to continue" }
            ?? "nothing was saved; --reference-cache FILE would save them"
        return "in the reference pass, with \(left) example\(left == 1 ? "" : "s") left; \(rest)"
    }

    /// Adds the log-probabilities of `rows` from a pass to the cache.
    func keep(_ tokens: [Float], of rows: [Int]) throws {
        guard cache != nil else { return }
        var logps = try known()
        logps.fill(rows: rows, from: tokens)
        try write(logps, journal)
    }

    /// Checks that the cache belongs to the model and the data, before any long computation.
    func check() throws { _ = try cached() }

    private func known() throws -> ReferenceLogps {
        var logps = try cached()
        try logps.takeFromRoot(pass.communicator)
        return logps
    }

    /// The content of cache and journal, on rank 0, which may be the only rank that sees the files.
    private func cached() throws -> ReferenceLogps {
        let (dataset, communicator) = (pass.planner.dataset, pass.communicator)
        return try communicator.agree {
            guard communicator.rank == 0, let cache else { return ReferenceLogps(dataset) }
            // The journal first: another process may move its examples to the cache in the meantime.
            let rows = try journal?.rows() ?? []
            var logps =
                FileManager.default.fileExists(atPath: cache.string)
                ? try ReferenceLogps(dataset, cache: cache, modelDigest: pass.policy.scoringDigest)
                : ReferenceLogps(dataset)
            for part in rows { logps.fill(part) }
            return logps
        }
    }

    /// Writes the cache, which then contains the examples of the journal, and removes the journal.
    private func write(_ logps: ReferenceLogps, _ journal: ReferenceJournal?) throws {
        try pass.communicator.agree {
            guard pass.communicator.rank == 0, let cache else { return }
            try logps.write(to: cache, modelDigest: pass.policy.scoringDigest)
            journal?.remove()
        }
    }
}
