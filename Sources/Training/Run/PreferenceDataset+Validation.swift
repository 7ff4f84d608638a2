internal import Configuration
internal import Formats
internal import Foundation
package import Preferences
package import SystemPackage
package import Transformer

extension PreferenceDataset {
    /// A warning if the data records the tokenizer that prepared it, and the model directory has none to compare it with;
    /// nil otherwise.
    package func tokenizerWarning(from path: String, in model: String) -> String? {
        let tokenizer = FilePath(model).appending("tokenizer.json")
        guard metadata["tokenizer_digest"] != nil, !FileManager.default.fileExists(atPath: tokenizer.string) else {
            return nil
        }
        let found = "no tokenizer.json to compare with the tokenizer that prepared \(path)"
        return "\(model): \(found); copy the files of that tokenizer to the model"
    }

    /// Checks that the data was prepared with this model's tokenizer, fits its vocabulary and context, and gives every
    /// rank work.
    ///
    /// - Parameters:
    ///   - path: The file that the data was read from.
    ///   - model: The architecture.
    ///   - directory: The model directory, if there is one; its tokenizer is compared with the one that prepared the
    ///     data.
    ///   - batchSize: Examples per step; nil for a command without steps.
    package func validate(
        from path: FilePath,
        for model: Architecture,
        in directory: FilePath?,
        ranks: Int,
        batchSize: Int? = nil
    ) throws {
        do {
            if let tokenizer = directory?.appending("tokenizer.json"),
                FileManager.default.fileExists(atPath: tokenizer.string)
            {
                try validate(tokenizerDigest: Digest.sha256(ofFile: tokenizer))
            }
            try validate(vocabularySize: model.vocabularySize)
        } catch let error as DatasetError {
            throw FormatError(path, error.description)
        }
        let limit = model.longestPath
        let place = directory.map { " in \($0)" } ?? ""
        guard longestSequence <= limit else {
            throw FormatError(
                path,
                "the longest sequence has \(longestSequence) tokens, the model\(place) takes \(limit)"
                    + (limit < model.maxPositions ? ", the original length of its rotary scaling (longrope)" : "")
                    + "; prepare the data with --max-length \(limit)"
            )
        }
        for (rows, isStep) in [(count, false), (batchSize ?? .max, true)] where ranks > rows {
            throw TrainingError.moreRanksThanExamples(ranks: ranks, rows: rows, isStep: isStep)
        }
    }
}
