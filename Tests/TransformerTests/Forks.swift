internal import Preferences

/// A small tree for tests of single operations.
enum Forks {
    /// A prompt of four tokens with three responses, of which two fork after one token.
    static func row() throws -> PackedSequence {
        let dataset = try PreferenceDataset(
            promptIDs: [1, 5, 2, 8],
            promptOffsets: [0, 4],
            responseIDs: [3, 4, 6, 3, 7, 9, 2],
            responseOffsets: [0, 3, 5, 7],
            exampleOffsets: [0, 3]
        )
        return PackedSequence([TokenTree(dataset, example: 0, sharing: .prefix)])
    }
}
