internal import Formats
internal import Foundation
internal import Reporting
internal import SystemPackage
internal import Testing
internal import Training

/// The state of an untrusted checkpoint: a number from which no run can continue is refused.
struct CheckpointStateTests {
    /// The state after three steps, two of them in the window, with one evaluation.
    static let sound = """
        {"run": {"step": 3, "skippedInRow": 1, "trainSeconds": 1.5, "evaluationSeconds": 0.5,
        "speeds": {"rates": [2.5, 0]}, "rollbacks": 1, "passedOver": 4, "recent": {"losses": [], "norms": []},
        "window": {"statistics": {"sums": [2,0,0,0,0,0,0,0,0,0,0,0]}, "gradientNorm": "nan", "learningRate": 0.1,
        "tokensComputed": 10, "tokensUnshared": 20, "flops": 1e9, "steps": 2, "skipped": 1, "imbalance": 1,
        "seconds": {"total": 1, "forward": 0, "backward": 0, "head": 0, "waiting": 0, "communication": 0,
        "exposedCommunication": 0, "optimizer": 0, "system": 0},
        "ranks": {"seconds": 1, "imbalance": 1, "spread": 0}},
        "total": {"statistics": {"sums": [3,0,0,0,0,0,0,0,0,0,0,0]}, "gradientNorm": 1, "learningRate": 0.1,
        "tokensComputed": 30, "tokensUnshared": 40, "flops": 1e9, "steps": 3, "skipped": 1, "imbalance": 1,
        "seconds": {"total": 1, "forward": 0, "backward": 0, "head": 0, "waiting": 0, "communication": 0,
        "exposedCommunication": 0, "optimizer": 0, "system": 0},
        "ranks": {"seconds": 1, "imbalance": 1, "spread": 0}}},
        "evaluation": {"memory": {"best": {"step": 2, "value": 0.5}, "withoutImprovement": 0}, "count": 1},
        "modelDigest": "m", "dataDigest": "d"}
        """

    private func fault(_ old: String, _ new: String) throws -> String {
        let range = try #require(Self.sound.range(of: old))
        let forged = Self.sound.replacingCharacters(in: range, with: new)
        do {
            _ = try CheckpointState(json: forged)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test("a valid state is read, and written unchanged")
    func sound() throws {
        let json = try CheckpointState(json: Self.sound).json()
        #expect(try CheckpointState(json: json).json() == json)
        #expect(json.contains(#""gradientNorm" : "nan""#))
    }

    @Test(
        "a count that is negative, beyond any run, or contradicts another is refused by name",
        arguments: [
            (#""step": 3"#, #""step": -1"#, "step: expected from 0 to 9007199254740992, found -1"),
            (
                #""step": 3"#, #""step": 9223372036854775807"#,
                "step: expected from 0 to 9007199254740992, found 9223372036854775807"
            ),
            (#""rollbacks": 1"#, #""rollbacks": -1"#, "rollbacks: expected from 0 to 9007199254740992, found -1"),
            (#""passedOver": 4"#, #""passedOver": -4"#, "passedOver: expected from 0 to 9007199254740992, found -4"),
            (#""step": 3"#, #""step": 4"#, "total.steps: expected from 4 to 4, found 3"),
            (#""skippedInRow": 1"#, #""skippedInRow": 2"#, "skippedInRow: expected from 0 to 1, found 2"),
            (#""steps": 2"#, #""steps": 5"#, "window.steps: expected from 0 to 3, found 5"),
            (
                #""steps": 2, "skipped": 1"#, #""steps": 2, "skipped": 3"#,
                "window.skipped: expected from 0 to 2, found 3"
            ),
            (
                #""tokensComputed": 10"#, #""tokensComputed": -10"#,
                "window.tokensComputed: expected from 0 to 9007199254740992, found -10"
            ),
            (#""count": 1"#, #""count": -1"#, "evaluation.count: expected from 0 to 9007199254740992, found -1"),
            (
                #""withoutImprovement": 0"#, #""withoutImprovement": 2"#,
                "evaluation.memory.withoutImprovement: expected from 0 to 1, found 2"
            ),
            (#""step": 2"#, #""step": 4"#, "evaluation.memory.best.step: expected from 0 to 3, found 4"),
        ]
    )
    func counts(old: String, new: String, message: String) throws {
        #expect(try fault(old, new) == message + "; resume from another checkpoint")
    }

    @Test(
        "anything but a state is refused",
        arguments: [
            (#""step": 3"#, #""step": 3.5"#), (#""step": 3"#, #""step": 1e400"#),
            (#""step": 3"#, #""step": 9223372036854775808"#),
            (#""step": 3"#, #""step": 3, "step": 3"#), ("[2,0", "[2"), ("[2,0", "[-2,0"), ("[2,0", #"["nan",0"#),
            ("[2,0", "[1e300,0"), ("[2.5, 0]", "[-2.5, 0]"), ("[2.5, 0]", #"["nan", 0]"#), ("[2.5, 0]", #"["inf", 0]"#),
            (#""value": 0.5"#, #""value": "much""#),
            (#""dataDigest": "d""#, #""dataDigest": [[[[[[]]]]]]"#),
        ]
    )
    func noState(old: String, new: String) throws {
        #expect(try fault(old, new) != "none")
    }

    // MARK: Metrics

    private func check(_ text: String) -> String? {
        do {
            try Array(text.utf8).withUnsafeBytes { try MetricsLines.check($0, lastStep: 3, of: "m") }
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("lines of records with ascending steps are accepted as metrics")
    func metrics() {
        #expect(check("") == nil)
        #expect(check("{\"step\": 0}\n{\"step\": 2, \"loss\": null}\n{\"step\": 2}\n{\"step\": 3}\n") == nil)
    }

    @Test(
        "invalid lines of metrics are refused by number",
        arguments: [
            ("{\"step\": 1}\n{\"step\": 2}", "line 2: expected a record with step, from 1 to 3, found part of a line"),
            ("{\"step\": 2}\n{\"step\": 1}\n", "line 2: expected a record with step, from 2 to 3, found 1"),
            ("{\"step\": 4}\n", "line 1: expected a record with step, from 0 to 3, found 4"),
            ("{\"step\": -1}\n", "line 1: expected a record with step, from 0 to 3, found -1"),
            ("{\"step\": 1.0}\n", "line 1: expected a record with step, from 0 to 3, found 1.0"),
            ("{\"stop\": 1}\n", "line 1: expected a record with step, from 0 to 3, found none"),
            (
                "\n",
                "line 1: expected a record with step, from 0 to 3, found no JSON: at byte 0 expected a value, found the end"
            ),
            (
                "{\"step\": 1, \"step\": 1}\n",
                "line 1: expected a record with step, from 0 to 3, found no JSON: at byte 12 expected each name once, found step twice"
            ),
        ]
    )
    func noMetrics(text: String, message: String) {
        #expect(check(text) == "m: " + message)
    }
}
