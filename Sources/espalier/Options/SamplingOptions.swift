internal import ArgumentParser
internal import Configuration
internal import Generation

/// The choice of tokens, under the names of transformers.
struct SamplingOptions: ParsableArguments {
    @Option(name: .long, help: "Tokens of a continuation at most; it ends earlier at the model's end token.")
    var maxNewTokens = 128

    @Option(name: .long, help: "Divisor of the logits; 0 takes the most probable token each time.")
    var temperature = 0.0

    @Option(name: .customLong("top-k"), help: "Sample among this many most probable tokens; 0 for all.")
    var topK = 0

    @Option(name: .customLong("top-p"), help: "Sample among the most probable tokens with this probability together.")
    var topP = 1.0

    @Option(name: .long, help: "Seed of the samples.")
    var seed: UInt64 = 42

    /// The settings, after checks.
    func resolved() throws -> TokenSampler.Settings {
        func check(_ key: String, _ holds: Bool, _ expected: String, _ found: Any) throws {
            guard holds else { throw TrainingError.invalid(key: key, expected: expected, found: "\(found)") }
        }
        try check("--max-new-tokens", (1...1 << 20).contains(maxNewTokens), "from 1 to 2^20", maxNewTokens)
        try check("--temperature", temperature >= 0 && temperature.isFinite, "0 or a number above it", temperature)
        try check("--top-k", (0...Int(Int32.max)).contains(topK), "0 or a number above it", topK)
        try check("--top-p", topP > 0 && topP <= 1, "above 0 and at most 1", topP)
        if temperature == 0, topK > 0 || topP < 1 {
            throw TrainingError.missing(key: "--temperature", for: topK > 0 ? "--top-k" : "--top-p")
        }
        var settings = TokenSampler.Settings()
        (settings.temperature, settings.topK, settings.topP) = (temperature, topK, topP)
        return settings
    }
}
