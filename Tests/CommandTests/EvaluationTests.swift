internal import Foundation
internal import TestSupport
internal import Testing

/// Evaluation on held-out preferences.
@Suite(.serialized)
struct EvaluationTests {
    @Test(
        "evaluate tells an interval around every metric, the same on one rank and two",
        .enabled(if: Launch.hasMPI, "mpirun is not installed")
    )
    func intervals() throws {
        func report(ranks: Int, _ arguments: [String]) throws -> [String: Any] {
            let golden = Golden.tied
            let outcome = try Launch.run(
                "espalier",
                ["evaluate", "--model", golden.directory.string, "--data", golden.file.string, "--threads", "1"]
                    + ["--reference-model", golden.directory.string] + arguments,
                ranks: ranks
            )
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] ?? [:]
        }
        let alone = try report(ranks: 1, ["--sharing", "none"])
        let names = alone.keys.filter { $0.hasSuffix("_ci") }
        #expect(names.count == 10)
        let together = try report(ranks: 2, [])
        for name in names where name != "eval_rewards/accuracies_ci" {
            let (a, b) = try (#require(alone[name] as? [Double]), #require(together[name] as? [Double]))
            let value = try #require(alone[String(name.dropLast(3))] as? Double)
            #expect(a.count == 2 && a[0] <= value && value <= a[1])
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($0)) }, "\(name): \(a) and \(b)")
        }
    }
}
