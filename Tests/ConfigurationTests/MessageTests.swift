internal import Configuration
internal import Formats
internal import Objectives
internal import SystemPackage
internal import TestSupport
internal import Testing

/// Errors of settings, as a user reads them.
struct MessageTests {
    @Test("all missing paths are named at once, with their options")
    func required() {
        let settings = TrainingConfiguration()
        let error = #expect(throws: TrainingError.self) { try settings.require([.model, .data, .output]) }
        #expect(
            error.map { "\($0)" }
                == "model, data and output must be given; add --model, --data and --output, or the keys to the file of "
                + "--config"
        )
        let two = #expect(throws: TrainingError.self) { try settings.validate() }
        #expect(two.map { "\($0)".hasPrefix("model and data must be given; add --model and --data, ") } == true)
    }

    @Test("a number in quotes is refused with the remedy", arguments: ["\"1e-5\"", "'1e-5'"])
    func quotes(text: String) throws {
        #expect(
            try refusal("learning_rate: \(text)")
                == "learning_rate: expected a number, found the string \"1e-5\"; remove the quotes"
        )
        #expect(try refusal("learning_rate: \"fast\"") == "learning_rate: expected a number, found fast")
    }

    @Test("a value of any length is shortened in messages")
    func long() throws {
        let value = String(repeating: "x", count: 100_000)
        for yaml in [
            "learning_rate: \(value)", "\(value): 1", "sharing: \(value)", "lr_scheduler_type: \(value)",
            "max_steps: [\(value)]",
        ] {
            let message = try #require(try refusal(yaml))
            #expect(message.count < 600, "\(message.prefix(200))")
        }
        var settings = TrainingConfiguration()
        (settings.model, settings.data, settings.objective.lossType) = ("m", "d", [value])
        let error = #expect(throws: (any Error).self) { try settings.validate() }
        #expect(try #require(error.map { "\($0)" }).count < 600)
    }

    private func refusal(_ yaml: String) throws -> String? {
        try Places.temporary { directory in
            let path = directory.appending("run.yaml")
            try AtomicFile.write(to: path) { try $0.append(yaml) }
            return #expect(throws: FormatError.self) { try TrainingConfiguration(yaml: path) }?.message
        }
    }
}
