package import Formats
internal import Foundation
package import Preferences
package import SystemPackage

extension PreferenceDataset {
    /// Checks that the data was made for this model's tokenizer, fits its vocabulary and context, and gives every rank
    /// something to do.
    ///
    /// - Parameters:
    ///   - model: The architecture.
    ///   - directory: Where the model lies; a tokenizer beside it is compared with the one that the data was made by.
    ///   - batchSize: Dataset rows of a step, where there are steps.
    package func validate(
        for model: ModelConfiguration,
        in directory: FilePath,
        ranks: Int,
        batchSize: Int? = nil
    ) throws {
        let tokenizer = directory.appending("tokenizer.json")
        if FileManager.default.fileExists(atPath: tokenizer.string) {
            try validate(tokenizerDigest: Digest.sha256(ofFile: tokenizer))
        }
        try validate(vocabularySize: model.vocabularySize)
        let longest = longestSequence
        guard longest <= model.maxPositions else {
            throw TrainingError.sequenceTooLong(found: longest, limit: model.maxPositions, model: directory.string)
        }
        for (rows, what) in [(count, "the data"), (batchSize ?? .max, "a step")] where ranks > rows {
            throw TrainingError.moreRanksThanRows(ranks: ranks, rows: rows, what: what)
        }
    }
}
