internal import Collectives
internal import Configuration
internal import Formats
package import Preferences
package import SystemPackage

/// The known log-probabilities of the response tokens of a dataset under the reference model.
///
/// Tokens serve every objective and length normalization. A file is keyed by digests of model and data, and has a
/// digest of its own; tokens of examples that no run has visited are NaN.
package struct ReferenceLogps: Sendable {
    /// In nats, in the order of the dataset's `responseIDs`; NaN if unknown, 0 for uncounted tokens.
    private var tokens: [Float]
    private let dataset: PreferenceDataset

    /// No tokens are known.
    package init(_ dataset: PreferenceDataset) {
        self.dataset = dataset
        tokens = Array(repeating: .nan, count: dataset.responseIDs.count)
    }

    /// The log-probability of each of a response's counted tokens, in nats.
    package func tokenLogps(ofResponse index: Int) -> ArraySlice<Float> { tokens[dataset.countedRange(index)] }

    /// The examples among `rows` with an unknown token.
    package func missing(among rows: some Sequence<Int>) -> [Int] {
        rows.filter { row in
            dataset.responses(of: row).contains { index in tokens[dataset.responseRange(index)].contains(where: \.isNaN)
            }
        }
    }

    /// Copies the values of `rows` from `values`, which has the same order.
    package mutating func fill(rows: [Int], from values: [Float]) {
        for index in rows.flatMap({ dataset.responses(of: $0) }) {
            let range = dataset.responseRange(index)
            tokens.replaceSubrange(range, with: values[range])
        }
    }

    /// Copies the values of some examples.
    mutating func fill(_ rows: ExampleLogps) {
        var start = 0
        for row in rows.rows {
            let range = dataset.tokenRange(of: row)
            tokens.replaceSubrange(range, with: rows.tokens[start..<start + range.count])
            start += range.count
        }
    }

    /// Broadcasts the values of rank 0, which may be the only rank that sees the file.
    mutating func takeFromRoot(_ communicator: any Communicator) throws {
        if communicator.rank != 0 { tokens = Array(repeating: 0, count: tokens.count) }
        var span = tokens.mutableSpan
        try communicator.allReduceSum(&span)
    }

    // MARK: File

    private static let format = "espalier-reference-logps"

    /// Reads a cache.
    ///
    /// - Throws: `TrainingError.foreignCache` if it belongs to another model or other data, `damagedCache` if its
    ///   values have changed.
    package init(_ dataset: PreferenceDataset, cache path: FilePath, modelDigest: String) throws {
        let file = try SafetensorsFile(path, .referenceLogps)
        guard file.metadata["format"] == Self.format else {
            throw FormatError(
                path,
                "expected a reference cache, found another safetensors file; choose another --reference-cache"
            )
        }
        let stored = file.metadata["model_digest"]
        let other = "another model, --dtype or --precision"
        if let what = ModelDigest.difference(of: stored, from: modelDigest, otherModel: other) {
            throw TrainingError.foreignCache(path: path.string, what: what)
        }
        guard file.metadata["data_digest"] == dataset.digest else {
            throw TrainingError.foreignCache(path: path.string, what: "other data")
        }
        self.dataset = dataset
        tokens = try file.float32s("token_logps")
        guard tokens.count == dataset.responseIDs.count else {
            throw TrainingError.foreignCache(path: path.string, what: "other data")
        }
        guard file.metadata["logps_digest"] == digest else {
            throw TrainingError.damagedCache(path: path.string)
        }
    }

    private var digest: String {
        var digest = Digest()
        digest.update(tokens)
        return digest.hexadecimal
    }

    /// Writes the cache.
    package func write(to path: FilePath, modelDigest: String) throws {
        try SafetensorsWriter.write(
            [SafetensorsEntry(name: "token_logps", tokens)],
            metadata: [
                "format": Self.format, "format_version": "1", "model_digest": modelDigest,
                "data_digest": dataset.digest, "logps_digest": digest,
            ],
            to: path
        )
    }
}
