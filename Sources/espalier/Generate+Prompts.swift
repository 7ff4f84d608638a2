internal import Configuration
internal import Formats
internal import Preferences
internal import SystemPackage
internal import Tokenization
internal import Training
internal import Transformer

extension Generate {
    /// The tokens of the prompts, which with their continuations fit the model.
    func prompts(_ model: Architecture, _ tokenizer: Tokenizer, _ directory: FilePath) throws -> [[Int32]] {
        let prompts = try data.map { try stored(FilePath($0), model, directory) } ?? prompt.map(tokenizer.encode)
        for prompt in prompts {
            guard !prompt.isEmpty else {
                throw TrainingError.invalid(key: "--prompt", expected: "a text of at least one token", found: "none")
            }
            guard let token = prompt.first(where: { $0 < 0 || Int($0) >= model.vocabularySize }) else { continue }
            throw FormatError(
                directory.appending("tokenizer.json"),
                "expected tokens below the model's vocabulary size \(model.vocabularySize), found \(token); use the model's "
                    + "own tokenizer"
            )
        }
        let longest = (prompts.map(\.count).max() ?? 0) + sampling.maxNewTokens
        guard longest <= model.longestPath else {
            throw TrainingError.invalid(
                key: "the longest prompt with --max-new-tokens",
                expected: "at most \(model.longestPath) tokens, as the model takes",
                found: "\(longest)"
            )
        }
        return prompts
    }

    /// The prompts of examples of a prepared file.
    private func stored(_ path: FilePath, _ model: Architecture, _ directory: FilePath) throws -> [[Int32]] {
        let dataset = try PreferenceDataset.read(path: path)
        try dataset.validate(from: path, for: model, in: directory, ranks: 1)
        let rows = examples.isEmpty ? Array(0..<min(3, dataset.count)) : examples
        return try rows.map { row in
            guard (0..<dataset.count).contains(row) else {
                let expected = "from 0 to \(dataset.count - 1), the examples of \(path)"
                throw TrainingError.invalid(key: "--examples", expected: expected, found: "\(row)")
            }
            return Array(dataset.promptIDs[dataset.promptOffsets[row]..<dataset.promptOffsets[row + 1]])
        }
    }
}
