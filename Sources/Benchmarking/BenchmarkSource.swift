internal import Configuration
internal import Formats
package import Preferences
package import SystemPackage
internal import Training
internal import Transformer

/// The source of a benchmark's examples.
package enum BenchmarkSource: Sendable, Equatable {
    /// Prepared preferences, of which a run's first step is measured.
    case file(FilePath)
    /// Random tokens with the lengths of a well-known dataset.
    case profile(LengthProfile, responses: Int)
    /// Random tokens in trees of one size.
    case uniform(treeTokens: Int, responses: Int)
    /// Random tokens in conversations of one size, of which each turn is an example.
    case conversation(ConversationLengths)

    /// The most tokens of a prompt and a response with the lengths of a profile.
    static let longestSequence = 4096

    /// The source's name in reports.
    package var label: String {
        switch self {
        case .file(let path): return path.string
        case .profile(let profile, 2): return profile.name
        case .profile(let profile, let responses): return "\(profile.name)-\(responses)"
        case .uniform(let tokens, let responses): return "uniform-\(tokens)-\(responses)"
        case .conversation(let lengths):
            let turns = lengths.turns == 1 ? "prompt" : "turns-\(lengths.turns)"
            return "\(turns)-\(lengths.promptTokens)-\(lengths.responses)"
        }
    }

    /// The paper's speed-up by sharing, on pairs with these lengths.
    package var paperSpeedup: Double? {
        guard case .profile(let profile, 2) = self else { return nil }
        return profile.paperSpeedup
    }

    /// The name that must be the same on every rank; a file's path may differ.
    var commonName: String {
        guard case .file = self else { return label }
        return "file"
    }

    /// Checks that the sizes are valid.
    func validate() throws {
        let (treeTokens, responses): (Int, Int)
        switch self {
        case .file, .conversation: return
        case .profile(_, let count): (treeTokens, responses) = (2 * count, count)
        case .uniform(let tokens, let count): (treeTokens, responses) = (tokens, count)
        }
        guard (2...1024).contains(responses) else {
            throw TrainingError.invalid(key: "--responses", expected: "from 2 to 1024", found: "\(responses)")
        }
        guard (2 * responses...1 << 24).contains(treeTokens) else {
            let expected = "from \(2 * responses), two for each response, to 2^24"
            throw TrainingError.invalid(key: "--tree-tokens", expected: expected, found: "\(treeTokens)")
        }
    }

    /// Reads or draws the examples of a step, and checks them against the model.
    func dataset(
        for model: Architecture,
        _ settings: Benchmark.Settings,
        ranks: Int
    ) throws -> PreferenceDataset {
        let training = settings.training
        switch self {
        case .file(let path):
            let dataset = try PreferenceDataset.read(path: path)
            try dataset.validate(
                from: path,
                for: model,
                in: settings.model.directory,
                ranks: ranks,
                batchSize: training.globalBatchSize
            )
            return dataset
        case .profile(let profile, let responses):
            let longest = max(2, min(Self.longestSequence, model.longestPath - settings.sharedPrefix))
            let count = training.globalBatchSize
            let rows = profile.examples(count, responses: responses, longest: longest, seed: training.seed)
            return try synthetic(rows, responses: responses, for: model, settings)
        case .uniform(let treeTokens, let responses):
            let row = ExampleLengths.uniform(treeTokens: treeTokens, responses: responses)
            let longest = row.prompt + row.responses[0]
            guard longest <= model.longestPath - settings.sharedPrefix else {
                throw TrainingError.invalid(
                    key: "--tree-tokens",
                    expected: "such that prompt and response fit the model's \(model.longestPath) positions",
                    found: "\(treeTokens), which makes \(settings.sharedPrefix + longest)"
                )
            }
            let rows = Array(repeating: row, count: training.globalBatchSize)
            return try synthetic(rows, responses: responses, for: model, settings)
        case .conversation(let lengths):
            try check(longest: lengths.promptTokens + lengths.responseTokens, lengths.promptTokens, of: model)
            try check(responses: lengths.responses, of: model)
            return try PreferenceDataset(
                lengths,
                count: training.globalBatchSize,
                vocabularySize: model.vocabularySize,
                seed: training.seed
            )
        }
    }

    private func synthetic(
        _ rows: [ExampleLengths],
        responses: Int,
        for model: Architecture,
        _ settings: Benchmark.Settings
    ) throws -> PreferenceDataset {
        try check(responses: responses, of: model)
        guard (0...max(0, model.longestPath - 2)).contains(settings.sharedPrefix) else {
            throw TrainingError.invalid(
                key: "--shared-prefix",
                expected: "from 0 to \(max(0, model.longestPath - 2)), two less than the model's positions",
                found: "\(settings.sharedPrefix)"
            )
        }
        return try PreferenceDataset(
            rows,
            vocabularySize: model.vocabularySize,
            sharedPrefix: settings.sharedPrefix,
            seed: settings.training.seed
        )
    }

    private func check(responses: Int, of model: Architecture) throws {
        guard responses <= model.vocabularySize else {
            throw TrainingError.invalid(
                key: "--responses",
                expected: "at most the model's vocabulary of \(model.vocabularySize)",
                found: "\(responses)"
            )
        }
    }

    private func check(longest: Int, _ promptTokens: Int, of model: Architecture) throws {
        guard longest <= model.longestPath else {
            throw TrainingError.invalid(
                key: "--prompt-tokens",
                expected: "such that prompt and response fit the model's \(model.longestPath) positions",
                found: "\(promptTokens), which makes \(longest)"
            )
        }
    }
}
